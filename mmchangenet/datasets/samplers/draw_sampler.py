"""An epoch's sequence of rows, dealt out to the processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from numpy.typing import NDArray
from torch.utils.data import Sampler

from ..draw import Draw


class DrawSampler(Sampler[Draw], ABC):
    """An epoch's sequence of rows, dealt out to the processes one by one as :class:`Draw`.

    Process r of W takes the positions r, r + W, r + 2W, ... of the same sequence.

    Args:
        dataset: what is drawn from.
        seed: the same in all processes, not negative; None: drawn once and shared among them.
        round_up: whether all processes get equally many: the first draws of the sequence are then repeated at
            its end as they are (same position, same augmentation), at most W - 1 of them. Training needs
            that, since a process without a batch would keep the others waiting; in evaluation no row may come
            twice.
    """

    def __init__(self, dataset: Sized, seed: int | None = None, round_up: bool = True) -> None:
        self.dataset = dataset
        self.rank, self.world_size = get_dist_info()
        self.seed: int = sync_random_seed() if seed is None else seed
        if self.seed < 0:
            raise ValueError(f'seed={seed}: it must not be negative')
        self.round_up = round_up
        self.epoch = 0

    @abstractmethod
    def sequence(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The rows to draw in an epoch, the same in all processes.

        Args:
            rng: seeded with seed and epoch.

        Returns:
            (len(dataset),) integers.
        """

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of ``epoch``."""
        self.epoch = epoch

    def __len__(self) -> int:
        """The number of draws of this process."""
        spare = self.world_size - 1 if self.round_up else self.world_size - 1 - self.rank
        return (len(self.dataset) + spare) // self.world_size

    def __iter__(self) -> Iterator[Draw]:
        epoch = self.epoch
        sequence = self.sequence(np.random.default_rng([self.seed, epoch]))
        for turn in range(len(self)):
            position = (self.rank + turn * self.world_size) % len(sequence)
            yield Draw(int(sequence[position]), self.seed, epoch, position)
