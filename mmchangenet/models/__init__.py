"""The siamese network: backbone, difference neck, head and their assembly."""

from .backbones import FAN, DINOv2, ViTAdapter
from .classifiers import SiameseClassifier
from .data_preprocessors import PairDataPreprocessor
from .heads import ChangeClsHead, ContrastiveHead
from .losses import ContrastiveLoss, WeightedCrossEntropy
from .necks import EuclideanDifference, LearnableDifference

__all__ = [
    'DINOv2', 'FAN', 'ViTAdapter', 'SiameseClassifier', 'PairDataPreprocessor', 'ChangeClsHead', 'ContrastiveHead',
    'ContrastiveLoss', 'WeightedCrossEntropy', 'EuclideanDifference', 'LearnableDifference'
]
