"""What all paired augmentations have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

Images: TypeAlias = NDArray[Any]  # uint8 (2, L, h, w, 3), if nothing else is said
Results: TypeAlias = dict[str, Any]  # what is known of a row, and its images


class PairedAugmentation(BaseTransform):
    """Draws once and does the same to every lighting of both sides.

    Required keys: images, a uint8 array (2, L, h, w, 3), and optionally rng, the np.random.Generator to draw
    from (a fresh one without).

    Modified keys: images, a uint8 array (2, L, h', w', 3).
    """

    @abstractmethod
    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> tuple[Any, ...] | None:
        """Draw what to do to images of (h, w) pixels: arguments for :meth:`apply`; None: nothing."""

    @abstractmethod
    def apply(self, images: Images, *drawn: Any) -> Images:
        """Do what was drawn to uint8 images (2, L, h, w, 3)."""

    def transform(self, results: Results) -> Results:
        """Draw, and apply it to all images."""
        rng = results.get('rng')
        drawn = self.draw(np.random.default_rng() if rng is None else rng, results['images'].shape[2:4])
        if drawn is not None:
            results['images'] = self.apply(results['images'], *drawn)
        return results


def each(images: Images, function: Callable[[Images, Images], object]) -> Images:
    """Call ``function(image, out)``, which keeps the size, for every image of (2, L, h, w, 3)."""
    done = np.empty_like(images, order='C')
    for row_in, row_out in zip(images, done, strict=True):
        for image, out in zip(row_in, row_out, strict=True):
            function(image, out)
    return done


def check_probability(value: float, name: str) -> float:
    """Return ``value`` if it is a probability, else raise a ValueError that names it."""
    if not 0 <= value <= 1:
        raise ValueError(f'{name}={value!r} is not a probability, which goes from 0 to 1')
    return value
