"""A label CSV becomes samples: datasets, samplers, transforms, splitting and audit."""

from mmchangenet.labels.label_frame import read_label_csv
from mmchangenet.labels.problems import LabelCsvError

from . import samplers, transforms
from .concat_dataset import ConcatDataset
from .draw import Draw
from .lighting_pair_dataset import LightingPairDataset
from .sources import Places, locate

__all__ = [
    'ConcatDataset', 'Draw', 'LabelCsvError', 'LightingPairDataset', 'Places', 'locate', 'read_label_csv',
    'samplers',
    'transforms',
]
