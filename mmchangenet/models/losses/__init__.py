"""Losses of the two architectures; each also gives a row's loss and weight, for the mean over a validation set."""

from .contrastive_loss import ContrastiveLoss
from .weighted_cross_entropy import WeightedCrossEntropy

__all__ = ['ContrastiveLoss', 'WeightedCrossEntropy']
