"""What travels through the pipeline with a pair of images."""

from .change_data_sample import ChangeDataSample

__all__ = ['ChangeDataSample']
