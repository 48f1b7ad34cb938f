"""A draw: the row to fetch together with everything that its augmentation may depend on."""

from __future__ import annotations

import numpy as np


class Draw(int):
    """An index that remembers where in training it was drawn.

    It is an int, so any dataset takes it; ``-`` and ``%``, with which ConcatDataset and RepeatDataset find
    the inner index, keep what it carries. The augmentation follows from ``seed``, ``epoch`` and ``position``
    alone, whatever process or worker prepares the sample.

    Args:
        index: the row to fetch.
        seed, epoch: of the sampler, not negative.
        position: of this draw in the epoch's whole sequence, over all processes.
        origin: the index in the outermost dataset, ``index`` by default.
    """

    seed: int
    epoch: int
    position: int
    origin: int

    def __new__(cls, index: int, seed: int, epoch: int, position: int, origin: int | None = None) -> Draw:  # noqa: D102
        draw = super().__new__(cls, index)
        draw.seed, draw.epoch, draw.position = seed, epoch, position
        draw.origin = int(index) if origin is None else origin
        return draw

    def __sub__(self, other: int) -> Draw:
        return self._inner(int(self) - other)

    def __mod__(self, other: int) -> Draw:
        return self._inner(int(self) % other)

    def _inner(self, index: int) -> Draw:
        return Draw(index, self.seed, self.epoch, self.position, self.origin)

    def moved_to(self, index: int) -> Draw:
        """The same draw, fetching another row of the same inner dataset."""
        return Draw(index, self.seed, self.epoch, self.position, self.origin + index - int(self))

    def __reduce__(self) -> tuple[type[Draw], tuple[int, ...]]:
        return Draw, (int(self), self.seed, self.epoch, self.position, self.origin)

    def generator(self) -> np.random.Generator:
        """A fresh random generator for this draw's augmentation."""
        return np.random.default_rng([self.seed, self.epoch, self.position])
