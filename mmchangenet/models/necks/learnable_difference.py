"""Architecture 2: convolutions learn the difference of the two sides, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmchangenet.registry import MODELS

from .base_difference import BaseDifference


def resize(levels: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear resize of an (N, C, H, W) map, corners not aligned; nothing happens where the size fits."""
    return levels if levels.shape[-2:] == tuple(size) else F.interpolate(levels, size, mode='bilinear')


@MODELS.register_module()
class LearnableDifference(BaseDifference):
    """Multi-level difference modules, fused at the size of the finest level.

    Args:
        in_shapes: ``(C, H, W)`` of each backbone level, finest first. ``SiameseClassifier``
            fills it in.
        embed_dim: channels of the projected levels and of the fused map.
        num_modules: how many levels are compared, from the coarsest on; all, where the backbone has fewer.
            The other levels keep their untrained parameters, as the reference's checkpoints do.
        init_cfg: MMEngine's.

    Raises:
        ValueError: when the backbone gives a single level, something that is not a map or coarse levels
            first, or ``num_modules`` is below 1.
    """

    def __init__(self, in_shapes: Sequence[Sequence[int]], embed_dim: int = 256, num_modules: int = 4,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self._check(in_shapes, num_modules)
        count = len(in_shapes)
        num_modules = min(num_modules, count)
        self.embed_dim, self.in_shapes = embed_dim, [tuple(shape) for shape in in_shapes]
        self.used = range(count - num_modules, count)
        self.size = tuple(in_shapes[0][1:])
        self.out_shape = (embed_dim, *self.size)
        self.project = nn.ModuleList(nn.Conv2d(shape[0], embed_dim, 1) for shape in in_shapes)
        self.difference = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(2 * embed_dim, embed_dim, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(embed_dim),
                nn.Conv2d(embed_dim, embed_dim, 3, padding=1), nn.ReLU()) for _ in in_shapes)
        self.fuse = nn.Conv2d(num_modules * embed_dim, embed_dim, 1)
        self.fuse_norm = nn.BatchNorm2d(embed_dim)
        for level in range(count - num_modules):
            self.project[level].requires_grad_(False)
            self.difference[level].requires_grad_(False)

    @staticmethod
    def _check(in_shapes: Sequence[Sequence[int]], num_modules: int) -> None:
        if len(in_shapes) < 2 or any(len(shape) != 3 for shape in in_shapes):
            raise ValueError(
                f'LearnableDifference compares feature maps of several levels, but the backbone gives '
                f'{[tuple(shape) for shape in in_shapes]}. Set its out_indices (for timm features_only=True, '
                f'for ConvNeXt and '
                "the like gap_before_final_norm=False, for a transformer out_type='featmap') so that it "
                "returns at least two "
                'maps (C, H, W), or use EuclideanDifference.')
        areas = [height * width for _, height, width in in_shapes]
        if areas != sorted(areas, reverse=True):
            raise ValueError('LearnableDifference takes the finest level first, but the backbone gives '
                             f'{[tuple(shape) for shape in in_shapes]}. Let it return them in the other '
                             f'order.')
        if num_modules < 1:
            raise ValueError(f'num_modules {num_modules} of LearnableDifference: compare at least 1 level')

    def init_weights(self) -> None:
        """Let training start from true differences: the golden half of each module's first convolution is
        minus the compare half, so that equal sides give nothing. Then ``init_cfg``.
        """
        for module in self.difference:
            compare, golden = module[0].weight.data.chunk(2, dim=1)
            golden.copy_(-compare)
        super().init_weights()

    def encode(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Levels of one side, each (N, C, H, W), finest first → the used ones, each (N, embed_dim, H, W)."""
        return tuple(self.project[level](features[level]) for level in self.used)

    def compare(self, compare: Sequence[Tensor], golden: Sequence[Tensor]) -> Tensor:
        """Two encoded sides → one map (N, embed_dim, H, W) at the finest level's size."""
        return self.merge([self.difference[level](torch.cat(sides, dim=1))
                           for level, *sides in zip(self.used, compare, golden, strict=True)])

    def merge(self, differences: Sequence[Tensor]) -> Tensor:
        """Maps of the used levels' difference modules, each (N, embed_dim, h, w), finest first → one at the
        finest level's size. Affine in evaluation mode.
        """
        sums: list[Tensor] = []
        for difference in reversed(differences):
            sums.append(difference + resize(sums[-1], difference.shape[-2:]) if sums else difference)
        return self.fuse_norm(self._fuse(sums))

    def _fuse(self, differences: Sequence[Tensor]) -> Tensor:
        """The 1×1 convolution over all levels brought to the finest size and concatenated, coarsest first.

        It commutes with the resize, whose weights add up to one, so each level is convolved at its own,
        smaller size.
        """
        parts = self.fuse.weight.split(self.embed_dim, dim=1)
        fused = resize(F.conv2d(differences[0], parts[0], self.fuse.bias), self.size)
        for part, difference in zip(parts[1:], differences[1:], strict=True):
            fused = fused + resize(F.conv2d(difference, part), self.size)
        return fused
