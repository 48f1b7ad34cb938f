"""Every row once: in order for evaluation, shuffled for plain training."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
from numpy.typing import NDArray

from mmchangenet.registry import DATA_SAMPLERS

from ..sources import check_some_pass, locate
from .draw_sampler import DrawSampler


@DATA_SAMPLERS.register_module()
class PairSampler(DrawSampler):
    """Each row once an epoch, as MMEngine's DefaultSampler, but yielding draws.

    Args:
        dataset: what is drawn from.
        shuffle: whether in a new random order every epoch.
        round_up: see :class:`DrawSampler`; by default as ``shuffle``, which training does.
        seed: see :class:`DrawSampler`.

    Raises:
        ValueError: when rows are shuffled, which training does, and none of them is PASS.
    """

    def __init__(self, dataset: Sized, shuffle: bool = False, round_up: bool | None = None,
                 seed: int | None = None) -> None:
        super().__init__(dataset, seed, shuffle if round_up is None else round_up)
        self.shuffle = shuffle
        if shuffle:  # that is training
            _check_labels(dataset)

    def sequence(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """See :meth:`DrawSampler.sequence`."""
        return rng.permutation(len(self.dataset)) if self.shuffle else np.arange(len(self.dataset))


def _check_labels(dataset: Sized) -> None:
    try:
        places = locate(dataset)
    except TypeError:  # of somebody else's kind
        return
    if all(part.has_labels for part in places.datasets):
        check_some_pass(places)
