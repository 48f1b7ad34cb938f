"""Scoring from Python."""

from .change_inferencer import ChangeInferencer

__all__ = ['ChangeInferencer']
