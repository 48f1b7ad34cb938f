"""A draw: the row to fetch together with everything that its augmentation may depend on."""

from abc import ABC, abstractmethod

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler


class Draw(int):
    """An index that remembers where in training it was drawn.

    It is an int, so any dataset takes it; ``-`` and ``%``, with which ConcatDataset and RepeatDataset find the inner
    index, keep what it carries. The augmentation follows from ``seed``, ``epoch`` and ``position`` alone, whatever
    process or worker prepares the sample.

    Args:
        index (int): the row to fetch.
        seed, epoch (int): of the sampler, not negative.
        position (int): of this draw in the epoch's whole sequence, over all processes.
        origin (int, optional): the index in the outermost dataset, ``index`` by default.
    """

    def __new__(cls, index, seed, epoch, position, origin=None):
        draw = super().__new__(cls, index)
        draw.seed, draw.epoch, draw.position = seed, epoch, position
        draw.origin = int(index) if origin is None else origin
        return draw

    def __sub__(self, other):
        return self._inner(int(self) - other)

    def __mod__(self, other):
        return self._inner(int(self) % other)

    def _inner(self, index):
        return Draw(index, self.seed, self.epoch, self.position, self.origin)

    def moved_to(self, index):
        """The same draw, fetching another row of the same inner dataset."""
        return Draw(index, self.seed, self.epoch, self.position, self.origin + index - int(self))

    def __reduce__(self):
        return Draw, (int(self), self.seed, self.epoch, self.position, self.origin)

    def generator(self):
        """A fresh random generator for this draw's augmentation."""
        return np.random.default_rng([self.seed, self.epoch, self.position])


class DrawSampler(Sampler, ABC):
    """An epoch's sequence of rows, dealt out to the processes one by one as :class:`Draw`.

    Process r of W takes the positions r, r + W, r + 2W, ... of the same sequence.

    Args:
        dataset (Dataset): what is drawn from.
        seed (int, optional): the same in all processes, not negative; None: drawn once and shared among them.
        round_up (bool): whether all processes get equally many: the first draws of the sequence are then repeated at its
            end as they are (same position, same augmentation), at most W - 1 of them. Training needs that, since a
            process without a batch would keep the others waiting; in evaluation no row may come twice.
    """

    def __init__(self, dataset, seed=None, round_up=True):
        self.dataset = dataset
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        if self.seed < 0:
            raise ValueError(f'seed={seed}: it must not be negative')
        self.round_up = round_up
        self.epoch = 0

    @abstractmethod
    def sequence(self, rng):
        """The rows to draw in an epoch, the same in all processes.

        Args:
            rng (np.random.Generator): seeded with seed and epoch.

        Returns:
            np.ndarray: (len(dataset),) integers.
        """

    def set_epoch(self, epoch):
        """Make the next iteration that of ``epoch``."""
        self.epoch = epoch

    def __len__(self):
        """The number of draws of this process."""
        spare = self.world_size - 1 if self.round_up else self.world_size - 1 - self.rank
        return (len(self.dataset) + spare) // self.world_size

    def __iter__(self):
        epoch = self.epoch
        sequence = self.sequence(np.random.default_rng([self.seed, epoch]))
        for turn in range(len(self)):
            position = (self.rank + turn * self.world_size) % len(sequence)
            yield Draw(int(sequence[position]), self.seed, epoch, position)
