"""Which rows are drawn, how often, and by which process."""

from .defect_weighted_sampler import DefectWeightedSampler
from .draw_sampler import DrawSampler
from .pair_sampler import PairSampler

__all__ = ['DefectWeightedSampler', 'DrawSampler', 'PairSampler']
