"""Paired rotation by one of several angles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, PairedAugmentation, check_probability, each

QUARTERS: dict[float, int] = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


@TRANSFORMS.register_module()
class PairedRandomRotate(PairedAugmentation):
    """Rotate all lightings of both sides by one angle, as torchvision rotates a Pillow image: on the same
    canvas, black where nothing was, each pixel from the nearest.

    Args:
        prob: probability of rotating.
        angles: in degrees counter-clockwise, each as likely as the others.
    """

    def __init__(self, prob: float = 0.5, angles: Sequence[float] = (90, 180, 270)) -> None:
        self.prob = check_probability(prob, 'prob of PairedRandomRotate')
        self.angles = tuple(angles)
        if not self.angles or not all(math.isfinite(angle) for angle in self.angles):
            raise ValueError(f'angles={angles!r} of PairedRandomRotate must be one angle or more, in degrees')

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> tuple[float] | None:
        """The angle."""
        rotated, choice = rng.random(2)
        return (self.angles[int(choice * len(self.angles))] % 360, ) if rotated < self.prob else None

    def apply(self, images: Images, angle: float) -> Images:
        """See :class:`PairedAugmentation`."""
        h, w = images.shape[2:4]
        if angle == 0:
            return images
        quarter = QUARTERS.get(angle)
        if quarter is not None and (angle == 180 or h == w):
            return each(images, lambda image, out: cv2.rotate(image, quarter, dst=out))
        source: Images = _source_pixels(angle, h, w)
        none: Any = None  # there is no second map
        return each(images, lambda image, out: cv2.remap(image, source, none, cv2.INTER_NEAREST, dst=out))


@lru_cache(maxsize=16)
def _source_pixels(angle: float, h: int, w: int) -> NDArray[np.int16]:
    """Where Pillow's rotate takes each pixel from: int16 (h, w, 2), x and y; in 16.16 fixed point."""
    cos, sin = round(math.cos(math.radians(angle)), 15), round(math.sin(math.radians(angle)), 15)
    # output (x, y) → input (a x + b y + c, d x + e y + f), about the centre
    matrix = [[cos, -sin, w / 2 - cos * w / 2 + sin * h / 2], [sin, cos, h / 2 - sin * w / 2 - cos * h / 2]]
    source = np.empty((h, w, 2), np.int64)
    for axis, (a, b, c) in enumerate(matrix):
        a_fixed, b_fixed, start = (math.floor(value * 65536 + 0.5) for value in (a, b, c + a / 2 + b / 2))
        source[..., axis] = start + a_fixed * np.arange(w) + b_fixed * np.arange(h)[:, None]
    return (source >> 16).astype(np.int16)
