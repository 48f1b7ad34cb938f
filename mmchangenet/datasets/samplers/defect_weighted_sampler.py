"""Where defects are weighted: training draws in which they are as frequent as wanted."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
from numpy.typing import NDArray

from mmchangenet.registry import DATA_SAMPLERS

from ..sources import check_some_pass, locate
from .draw_sampler import DrawSampler


@DATA_SAMPLERS.register_module()
class DefectWeightedSampler(DrawSampler):
    """Draws rows with replacement, len(dataset) an epoch, with defects made as frequent as wanted.

    A PASS row has the weight 1, any other ``num_pass / num_fail * fail_ratio``: all FAIL rows together weigh
    ``fail_ratio`` times as much as all PASS rows. So a draw is FAIL with probability ``fail_ratio / (1 +
    fail_ratio)``, and every row of its kind is equally likely.

    Args:
        dataset: a labelled :class:`~mmchangenet.datasets.LightingPairDataset`, or such in MMEngine's
            wrappers.
        fail_ratio: FAIL draws for one PASS draw, above 0; TAO's ``fpratio_sampling``.
        seed: see :class:`DrawSampler`.

    Raises:
        ValueError: when the dataset has no FAIL or no PASS row, or no labels, naming its CSVs.
    """

    def __init__(self, dataset: Sized, fail_ratio: float = 0.1, seed: int | None = None) -> None:
        super().__init__(dataset, seed)
        if not 0 < fail_ratio < np.inf:
            raise ValueError(f'fail_ratio={fail_ratio}: give the number of FAIL draws for one PASS draw, '
                             'above 0')
        self.fail_probability = fail_ratio / (1 + fail_ratio)
        places = locate(dataset)
        check_some_pass(places)
        fail = places.gt_fail().astype(bool)
        self._kinds = np.flatnonzero(~fail), np.flatnonzero(fail)
        if not fail.any():
            raise ValueError(f'{", ".join(places.files())}: none of the {len(fail)} rows is FAIL, so there '
                             'is nothing to weight; add pairs with defects, or draw with '
                             'PairSampler(shuffle=True) instead')

    def sequence(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """See :meth:`DrawSampler.sequence`."""
        fail = rng.random(len(self.dataset)) < self.fail_probability
        sequence = np.empty(len(fail), np.int64)
        for rows, chosen in zip(self._kinds, (~fail, fail), strict=True):
            sequence[chosen] = rows[rng.integers(len(rows), size=np.count_nonzero(chosen))]
        return sequence
