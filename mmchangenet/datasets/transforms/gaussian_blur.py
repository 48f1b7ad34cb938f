"""Paired Gaussian blur."""

from __future__ import annotations

import cv2
import numpy as np

from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, PairedAugmentation, each

# Up to here Pillow's box filters are three pixels wide.
LARGEST_RADIUS = 1.4
# Smaller weights are left out, which leaves the largest difference from Pillow as it is.
LEAST_WEIGHT = 1 / 512


@TRANSFORMS.register_module()
class PairedGaussianBlur(PairedAugmentation):
    """Blur all lightings of both sides with one radius, as Pillow's GaussianBlur.

    Pillow goes three times over rows and then over columns with a small box filter and rounds each time. Here
    the three are one filter of at most seven pixels, rounded once, which differs by 3 grey levels at most and
    by about 0.4 on average (OpenCV's GaussianBlur, with the kernel of a true Gaussian, by up to 30).

    Args:
        max_radius: the radius, the standard deviation in pixels, is drawn from [0, max_radius).
    """

    def __init__(self, max_radius: float = 1.0) -> None:
        if not 0 < max_radius <= LARGEST_RADIUS:
            raise ValueError(f'max_radius={max_radius!r} of PairedGaussianBlur must be above 0 and at most '
                             f'{LARGEST_RADIUS}')
        self.max_radius = max_radius

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> tuple[float]:
        """The radius."""
        return (rng.uniform(0, self.max_radius), )

    def apply(self, images: Images, radius: float) -> Images:
        """See :class:`PairedAugmentation`."""
        # https://www.mia.uni-saarland.de/Publications/gwosdek-ssvm11.pdf:
        # a box of 1 + 2a pixels, three times, has this variance
        variance = radius**2 / 3
        side = variance / (2 - 2 * variance)
        box = np.array([side, 1, side]) / (1 + 2 * side)
        kernel = np.convolve(np.convolve(box, box), box)
        kernel = kernel[kernel > LEAST_WEIGHT]
        kernel /= kernel.sum()

        def blur(image: Images, out: Images) -> None:
            # at the border Pillow repeats the last pixel each time: together that is the picture mirrored
            cv2.sepFilter2D(image, -1, kernel, kernel, dst=out, borderType=cv2.BORDER_REFLECT)

        return each(images, blur)
