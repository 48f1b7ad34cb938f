"""What all paired augmentations have in common."""

from abc import abstractmethod

import numpy as np
from mmcv.transforms import BaseTransform


class PairedAugmentation(BaseTransform):
    """Draws once and does the same to every lighting of both sides.

    Required keys: images, a uint8 array (2, L, h, w, 3), and optionally rng, the np.random.Generator to draw
    from (a fresh one without).

    Modified keys: images, a uint8 array (2, L, h', w', 3).
    """

    @abstractmethod
    def draw(self, rng, size):
        """Draw what to do to images of ``size`` (h, w), in pixels: a tuple of arguments for :meth:`apply`; None: nothing."""

    @abstractmethod
    def apply(self, images, *drawn):
        """Do what was drawn to uint8 images (2, L, h, w, 3)."""

    def transform(self, results):
        rng = results.get('rng')
        drawn = self.draw(np.random.default_rng() if rng is None else rng, results['images'].shape[2:4])
        if drawn is not None:
            results['images'] = self.apply(results['images'], *drawn)
        return results


def each(images, function):
    """Call ``function(image, out=...)``, one of OpenCV's that keeps the size, for every image of (2, L, h, w, 3)."""
    done = np.empty_like(images, order='C')
    for row_in, row_out in zip(images, done, strict=True):
        for image, out in zip(row_in, row_out, strict=True):
            function(image, out)
    return done


def check_probability(value, name):
    """Return ``value`` if it is a probability, else raise a ValueError that names it."""
    if not 0 <= value <= 1:
        raise ValueError(f'{name}={value!r} is not a probability, which goes from 0 to 1')
    return value
