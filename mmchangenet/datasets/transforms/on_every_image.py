"""Transforms of mmcv and of projects built on it, in a pipeline of pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose

from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, Results


@TRANSFORMS.register_module()
class OnEveryImage(BaseTransform):
    """Does to every lighting of both sides what transforms of mmcv, mmpretrain and the like do to one image.

    All images of a sample get the same random draws: they are drawn from one seed, which comes from the row's
    own draw, so that they do not depend on the number of loader processes. What else draws from ``random``,
    ``np.random`` or torch is not disturbed.

    A transform gets what it gets behind mmcv's ``LoadImageFromFile``: ``img``, uint8 (h, w, 3) in the order
    B, G, R, ``img_shape`` and ``ori_shape``. Images have to be uint8 with three channels afterwards, too:
    normalising is the data preprocessor's.

    Required keys: images, a uint8 array (2, L, h, w, 3), R, G, B, and optionally rng. Put it behind
    ``PairedResize``.

    Modified keys: images, a uint8 array (2, L, h', w', 3).

    Args:
        transforms: configs of the transforms, or one, in the order of their application.

    Example:
        >>> from mmchangenet.registry import TRANSFORMS
        >>> transform = TRANSFORMS.build(dict(type='OnEveryImage', transforms=[
        ...     dict(type='mmcv.RandomFlip', prob=0.5),
        ...     dict(type='mmpretrain.Sharpness', magnitude=0.3, prob=0.5)]))
    """

    def __init__(self, transforms: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
        configs = [transforms] if isinstance(transforms, dict) else list(transforms)
        if not configs:
            raise ValueError('transforms of OnEveryImage is empty: give the config of at least one transform')
        self.transforms = Compose([TRANSFORMS.build(config) for config in configs])

    def transform(self, results: Results) -> Results:
        """Apply the transforms to all images."""
        images = results['images']
        if isinstance(images, list):
            raise ValueError('OnEveryImage needs images of one size: put PairedResize before it')
        rng = results.get('rng')
        seed = int((np.random.default_rng() if rng is None else rng).integers(2**32))
        done = []
        for image in images.reshape(-1, *images.shape[2:]):
            with _drawn_from(seed):
                done.append(self._one(image))
        shapes = {image.shape for image in done}
        if len(shapes) > 1:
            raise ValueError(
                f'{self._names()} in OnEveryImage gave images of different shapes, {sorted(shapes)}: '
                'lightings and sides have to stay alike')
        results['images'] = np.stack(done).reshape(*images.shape[:2], *done[0].shape)
        return results

    def _one(self, image: Images) -> Images:
        results = self.transforms(dict(
            img=cv2.cvtColor(image, cv2.COLOR_RGB2BGR), img_shape=image.shape[:2], ori_shape=image.shape[:2]))
        changed: Any = None if results is None else results['img']
        if isinstance(changed, np.ndarray) and changed.dtype == np.uint8 and changed.ndim == 2:  # made grey
            changed = cv2.cvtColor(changed, cv2.COLOR_GRAY2BGR)
        is_array = isinstance(changed, np.ndarray)
        if not is_array or changed.dtype != np.uint8 or changed.ndim != 3 or changed.shape[2] != 3:
            what = f'{changed.dtype} {changed.shape}' if is_array else type(changed).__name__
            raise ValueError(
                f'{self._names()} in OnEveryImage gave {what}, but images stay uint8 (h, w, 3): normalising '
                'and packing are those of model.data_preprocessor and PackChangeInputs')
        return cv2.cvtColor(changed, cv2.COLOR_BGR2RGB)

    def _names(self) -> str:
        return ', '.join(type(transform).__name__ for transform in self.transforms)

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._names()})'


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Python's, numpy's and torch's (CPU) global generators begin at a seed, and go on afterwards where they
    were.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
