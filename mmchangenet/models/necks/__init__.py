"""Difference necks: one half encodes a side on its own, the other compares two encoded sides."""

from .euclidean_difference import EuclideanDifference
from .learnable_difference import LearnableDifference

__all__ = ['EuclideanDifference', 'LearnableDifference']
