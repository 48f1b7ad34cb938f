"""A label CSV becomes samples: datasets, samplers, transforms, splitting and audit."""

from mmchangenet.labels.label_csv import LabelCsvError, read_label_csv

from . import samplers, transforms
from .concat_dataset import ConcatDataset
from .lighting_pair_dataset import LightingPairDataset
from .sources import Places, locate

__all__ = [
    'ConcatDataset', 'LabelCsvError', 'LightingPairDataset', 'Places', 'locate', 'read_label_csv', 'samplers', 'transforms',
]
