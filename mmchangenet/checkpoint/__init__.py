"""Checkpoints: written whole or not at all, read without running code, loaded strictly."""


from .layouts import backbone_weights_in, weights_in
from .loading import (
    adopt_class_names,
    adopt_threshold,
    class_names_of,
    load_fitting_weights,
    load_for_scoring,
    load_weights,
    meta_of,
    state_dict_of,
    wants_class_names,
)
from .newest import newest_checkpoint
from .reader import CheckpointError, Placeholder, read_checkpoint
from .writer import plain, write_checkpoint

__all__ = [
    'CheckpointError', 'Placeholder', 'adopt_class_names', 'adopt_threshold', 'backbone_weights_in', 'class_names_of',
    'load_fitting_weights', 'load_for_scoring', 'load_weights', 'meta_of', 'newest_checkpoint', 'plain', 'read_checkpoint',
    'state_dict_of', 'wants_class_names', 'weights_in', 'write_checkpoint',
]
