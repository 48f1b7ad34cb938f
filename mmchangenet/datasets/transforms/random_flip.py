"""Paired flips."""

from __future__ import annotations

import cv2
import numpy as np

from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, PairedAugmentation, check_probability


@TRANSFORMS.register_module()
class PairedRandomFlip(PairedAugmentation):
    """Flip all lightings of both sides, or none.

    Args:
        horizontal: probability of swapping left and right.
        vertical: probability of swapping top and bottom, drawn by itself.
    """

    def __init__(self, horizontal: float = 0.5, vertical: float = 0.5) -> None:
        self.horizontal = check_probability(horizontal, 'horizontal of PairedRandomFlip')
        self.vertical = check_probability(vertical, 'vertical of PairedRandomFlip')

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> tuple[bool, bool]:
        """Whether to flip left and right, top and bottom."""
        horizontal, vertical = rng.random(2) < (self.horizontal, self.vertical)
        return bool(horizontal), bool(vertical)

    def apply(self, images: Images, horizontal: bool, vertical: bool) -> Images:
        """See :class:`PairedAugmentation`."""
        if vertical:
            images = np.ascontiguousarray(images[:, :, ::-1])
        if horizontal:  # all rows of all images as one high image
            images = cv2.flip(images.reshape(-1, *images.shape[3:]), 1).reshape(images.shape)
        return images
