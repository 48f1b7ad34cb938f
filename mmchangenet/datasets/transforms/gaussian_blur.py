"""Paired Gaussian blur."""

import cv2
import numpy as np

from mmchangenet.registry import TRANSFORMS

from .augmentation import PairedAugmentation, each

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
        max_radius (float): the radius, the standard deviation in pixels, is drawn from [0, max_radius).
    """

    def __init__(self, max_radius=1.0):
        if not 0 < max_radius <= LARGEST_RADIUS:
            raise ValueError(f'max_radius={max_radius!r} of PairedGaussianBlur must be above 0 and at most {LARGEST_RADIUS}')
        self.max_radius = max_radius

    def draw(self, rng, size):
        return (rng.uniform(0, self.max_radius), )

    def apply(self, images, radius):
        # https://www.mia.uni-saarland.de/Publications/gwosdek-ssvm11.pdf: a box of 1 + 2a pixels, three times, has this variance
        variance = radius**2 / 3
        side = variance / (2 - 2 * variance)
        box = np.array([side, 1, side]) / (1 + 2 * side)
        kernel = np.convolve(np.convolve(box, box), box)
        kernel = kernel[kernel > LEAST_WEIGHT]
        kernel /= kernel.sum()
        # at the border Pillow repeats the last pixel each time: together that is the picture mirrored
        return each(images, lambda image, out: cv2.sepFilter2D(image, -1, kernel, kernel, dst=out, borderType=cv2.BORDER_REFLECT))
