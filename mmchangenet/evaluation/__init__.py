"""Figures, score files and thresholds out of scored rows."""

from .metrics import InspectionMetric
from .score_file import ScoreFileHook, write_scores

__all__ = ['InspectionMetric', 'ScoreFileHook', 'write_scores']
