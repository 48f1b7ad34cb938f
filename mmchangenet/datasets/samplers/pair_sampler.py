"""Every row once: in order for evaluation, shuffled for plain training."""

import numpy as np

from mmchangenet.registry import DATA_SAMPLERS

from .draw import DrawSampler


@DATA_SAMPLERS.register_module()
class PairSampler(DrawSampler):
    """Each row once an epoch, as MMEngine's DefaultSampler, but yielding draws.

    Args:
        dataset (Dataset): what is drawn from.
        shuffle (bool): whether in a new random order every epoch.
        round_up (bool, optional): see :class:`DrawSampler`; by default as ``shuffle``, which training does.
        seed (int, optional): see :class:`DrawSampler`.
    """

    def __init__(self, dataset, shuffle=False, round_up=None, seed=None):
        super().__init__(dataset, seed, shuffle if round_up is None else round_up)
        self.shuffle = shuffle

    def sequence(self, rng):
        """See :meth:`DrawSampler.sequence`."""
        return rng.permutation(len(self.dataset)) if self.shuffle else np.arange(len(self.dataset))
