"""The siamese network: backbone, difference neck, head and their assembly."""

from .backbones import CRADIO, FAN, CRADIOAdapter, DINOv2, DINOv3, DINOv3Adapter, ViTAdapter
from .classifiers import SiameseClassifier
from .data_preprocessors import PairDataPreprocessor
from .heads import BaseChangeHead, ChangeClsHead, ContrastiveHead
from .losses import ContrastiveLoss, WeightedCrossEntropy
from .necks import BaseDifference, EuclideanDifference, LearnableDifference

__all__ = [
    'BaseChangeHead', 'BaseDifference', 'CRADIO', 'CRADIOAdapter', 'ChangeClsHead', 'ContrastiveHead',
    'ContrastiveLoss', 'DINOv2', 'DINOv3', 'DINOv3Adapter', 'EuclideanDifference', 'FAN',
    'LearnableDifference', 'PairDataPreprocessor', 'SiameseClassifier', 'ViTAdapter', 'WeightedCrossEntropy'
]
