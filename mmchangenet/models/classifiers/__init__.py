"""The assembled network."""

from .siamese_classifier import SiameseClassifier

__all__ = ['SiameseClassifier']
