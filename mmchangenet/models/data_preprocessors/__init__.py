"""From collated uint8 pairs to normalised tensors on the device."""

from .pair_data_preprocessor import PairDataPreprocessor

__all__ = ['PairDataPreprocessor']
