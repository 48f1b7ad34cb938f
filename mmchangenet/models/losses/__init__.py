"""Losses of the two architectures; each also gives rows' losses and weights, for the mean in validation."""

from .contrastive_loss import ContrastiveLoss
from .weighted_cross_entropy import WeightedCrossEntropy

__all__ = ['ContrastiveLoss', 'WeightedCrossEntropy']
