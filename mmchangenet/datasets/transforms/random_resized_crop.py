"""Paired random crop, brought back to size."""

from __future__ import annotations

import math

import numpy as np

from mmchangenet.imaging import FILTERS, resize
from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, PairedAugmentation

TRIES = 10


@TRANSFORMS.register_module()
class PairedRandomResizedCrop(PairedAugmentation):
    """Cut the same square out of all lightings of both sides and resize it to the size of the image, as
    torchvision's RandomResizedCrop with ratio (1, 1).

    A square larger than the image is drawn anew, up to ten times, before the largest square in the middle is
    taken.

    Args:
        scale: least and greatest area of the square, as a share of the image's.
        filter: see :func:`mmchangenet.imaging.resize`. The reference's is ``'pillow-bilinear'``; here,
            where images grow, ``'fast'`` is within one grey level of it and three times as fast.
    """

    def __init__(self, scale: tuple[float, float] = (0.8, 1.2), filter: str = 'fast') -> None:
        low, high = scale
        if not 0 < low <= high < math.inf or low > 1:
            raise ValueError(f'scale={scale!r} of PairedRandomResizedCrop must be (low, high) with 0 < low '
                             '<= high and low <= 1')
        if filter not in FILTERS:
            raise ValueError(f'filter={filter!r} of PairedRandomResizedCrop is unknown, use one of {FILTERS}')
        self.scale = (low, high)
        self.filter = filter

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int, int]:
        """Top, left and side of the square."""
        h, w = size
        for _ in range(TRIES):
            side = round(math.sqrt(h * w * rng.uniform(*self.scale)))
            if 0 < side <= min(h, w):
                top, left = (int(rng.integers(extent - side, endpoint=True)) for extent in (h, w))
                return top, left, side
        side = min(h, w)
        return (h - side) // 2, (w - side) // 2, side

    def apply(self, images: Images, top: int, left: int, side: int) -> Images:
        """See :class:`PairedAugmentation`."""
        size = images.shape[2:4]
        return resize(images[:, :, top:top + side, left:left + side], size, self.filter)
