"""Checkpoints: written whole or not at all, read without running code, loaded strictly."""

from .finite import check_finite, non_finite
from .layouts import backbone_weights_in, weights_in
from .loading import (
    adopt_class_names,
    adopt_threshold,
    class_names_of,
    compare_class_names,
    load_fitting_weights,
    load_for_scoring,
    load_weights,
    meta_of,
    state_dict_of,
    wants_class_names,
)
from .newest import INTERRUPTED, newest_checkpoint
from .reader import CheckpointError, Placeholder, read_checkpoint
from .trained_config import config_differences
from .writer import CheckpointNotWritten, plain, write_checkpoint

__all__ = [
    'CheckpointError',
    'CheckpointNotWritten',
    'INTERRUPTED',
    'Placeholder',
    'adopt_class_names',
    'adopt_threshold',
    'backbone_weights_in',
    'check_finite',
    'class_names_of',
    'compare_class_names',
    'config_differences',
    'load_fitting_weights',
    'load_for_scoring',
    'load_weights',
    'meta_of',
    'newest_checkpoint',
    'non_finite',
    'plain',
    'read_checkpoint',
    'state_dict_of',
    'wants_class_names',
    'weights_in',
    'write_checkpoint',
]
