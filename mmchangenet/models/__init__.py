"""The siamese network: backbone, difference neck, head and their assembly."""

from .backbones import FAN, DINOv2, ViTAdapter
from .classifiers import SiameseClassifier
from .data_preprocessors import PairDataPreprocessor
from .heads import BaseChangeHead, ChangeClsHead, ContrastiveHead
from .losses import ContrastiveLoss, WeightedCrossEntropy
from .necks import BaseDifference, EuclideanDifference, LearnableDifference

__all__ = [
    'BaseChangeHead', 'BaseDifference', 'ChangeClsHead', 'ContrastiveHead', 'ContrastiveLoss', 'DINOv2', 'EuclideanDifference',
    'FAN', 'LearnableDifference', 'PairDataPreprocessor', 'SiameseClassifier', 'ViTAdapter', 'WeightedCrossEntropy'
]
