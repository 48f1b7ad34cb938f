"""Stacks both sides of a batch, moves them to the device and normalises them there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmchangenet.registry import MODELS


@MODELS.register_module()
class PairDataPreprocessor(BaseDataPreprocessor):
    """(image − mean) / std on both sides at once.

    Args:
        mean, std: of each colour, R, G, B, in grey levels of 0 to 255; ImageNet's by default.
        to_rgb: the images come as B, G, R, as mmcv loads them, and are turned round first. ``LoadLightings``
            gives R, G, B: leave it off with this project's pipelines.
        bgr_to_rgb: another name of ``to_rgb``, MMEngine's.
        non_blocking: copy to the device without waiting.

    Raises:
        ValueError: when there are not three values, or a std is not above 0.
    """

    def __init__(self, mean: Sequence[float] = (123.675, 116.28, 103.53),
                 std: Sequence[float] = (58.395, 57.12, 57.375), to_rgb: bool = False,
                 bgr_to_rgb: bool = False, non_blocking: bool = False) -> None:
        super().__init__(non_blocking=non_blocking)
        self.to_rgb = to_rgb or bgr_to_rgb
        for name, values in (('mean', mean), ('std', std)):
            if len(values) != 3:
                raise ValueError(
                    f'{name} {list(values)} of PairDataPreprocessor: give three values, for R, G and B')
        if not all(value > 0 for value in std):
            raise ValueError(
                f'std {list(std)} of PairDataPreprocessor: give three values above 0, in grey levels of 0 to '
                '255')
        self.register_buffer('mean', torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Stack, move and normalise a batch.

        Args:
            data: ``inputs=dict(compare=..., golden=...)``, each a list of N (3, H, W) uint8 tensors or one
                (N, 3, H, W) tensor, and optionally ``data_samples``. With G goldens per part ``golden`` has
                (G, 3, H, W) of each.
            training: not used.

        Returns:
            the same with float tensors, ``compare`` (N, 3, H, W) and ``golden`` (N, 3, H, W) or (N, G, 3, H,
            W), on this module's device.

        Raises:
            ValueError: when images of a batch differ in size.
        """
        inputs = data['inputs']
        sides = {side: self.cast_data(self._stack(side, inputs[side])) for side in ('compare', 'golden')}
        sides = {side: self.normalise(images) for side, images in sides.items()}
        return {**data, 'inputs': sides, 'data_samples': data.get('data_samples')}

    def normalise(self, images: Tensor) -> Tensor:
        """Images (..., 3, H, W) of 0 to 255 → what the backbone takes; without side effects."""
        images = images.flip(-3) if self.to_rgb else images
        return images.to(self.mean.dtype, copy=True).sub_(self.mean).div_(self.std)

    @staticmethod
    def _stack(side: str, images: Tensor | Sequence[Tensor]) -> Tensor:
        if isinstance(images, Tensor):
            return images
        shapes = {tuple(image.shape) for image in images}
        if len(shapes) > 1:
            raise ValueError(
                f'the {side} images of a batch differ in shape: {sorted(shapes)}. Put a PairedResize into '
                f'the pipeline.')
        return torch.stack(images)
