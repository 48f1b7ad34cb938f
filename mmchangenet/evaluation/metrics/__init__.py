"""Metrics for MMEngine's evaluator."""

from .inspection_metric import InspectionMetric

__all__ = ['InspectionMetric']
