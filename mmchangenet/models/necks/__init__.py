"""Difference necks: one half encodes a side on its own, the other compares two encoded sides."""

from .base_difference import BaseDifference
from .euclidean_difference import EuclideanDifference
from .learnable_difference import LearnableDifference

__all__ = ['BaseDifference', 'EuclideanDifference', 'LearnableDifference']
