"""Bringing all lightings of both sides to one size."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmchangenet.imaging import FILTERS, check_pair, resize
from mmchangenet.registry import TRANSFORMS

from .augmentation import Results


@TRANSFORMS.register_module()
class PairedResize(BaseTransform):
    """Resize the lightings of both sides, each from its own size, and join them.

    Required keys: images, a list of 2L uint8 arrays (h, w, 3), the compare side first, and optionally
    num_golden.

    Modified keys: images, one uint8 array (2, L, height, width, 3), or (1 + num_golden, L, height, width, 3).

    Args:
        size: (height, width) of one lighting, in pixels.
        filter: ``'pillow-bilinear'`` or ``'pillow-bicubic'``, byte for byte Pillow's, ``'fast'`` or
            ``'area'``; see :func:`mmchangenet.imaging.resize`.
    """

    def __init__(self, size: tuple[int, int], filter: str = 'pillow-bilinear') -> None:
        self.size = check_pair(size, 'size of PairedResize', '(height, width)')
        if filter not in FILTERS:
            raise ValueError(f'filter={filter!r} of PairedResize is unknown, use one of {FILTERS}')
        self.filter = filter

    def transform(self, results: Results) -> Results:
        """Resize all images."""
        images = results['images']
        shapes = [image.shape for image in images]
        if len(set(shapes)) == 1:
            resized = resize(images, self.size, self.filter)
        else:
            resized = np.empty((len(images), *self.size, 3), np.uint8)
            for shape in set(shapes):
                same = [index for index, other in enumerate(shapes) if other == shape]
                resized[same] = resize([images[index] for index in same], self.size, self.filter)
        results['images'] = resized.reshape(1 + results.get('num_golden', 1), -1, *self.size, 3)
        return results
