"""Figures, score files and thresholds out of scored rows."""

from .metrics import InspectionMetric
from .score_file_hook import ScoreFileHook

__all__ = ['InspectionMetric', 'ScoreFileHook']
