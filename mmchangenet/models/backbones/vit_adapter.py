"""ViT-Adapter: a convolutional pyramid beside a plain vision transformer, the two exchanging features four
times.

Chen et al., "Vision Transformer Adapter for Dense Predictions", ICLR 2023 (arXiv 2205.08534). Written from a
description of what the published networks compute, so that their weights give the same features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from timm.layers import DropPath, LayerScale
from torch import Tensor, nn
from torch.nn import functional as F

from mmchangenet.registry import MODELS

from .deformable_attention import DeformableAttention, pixel_centres
from .vit_trunk import Grid, LayerNorm, Trunk, ViTTrunk, as_map, size_of

Norm = Callable[[int], nn.Module]
Sizes = Sequence[Grid]
ADAPTER_HEADS = 16  # of the published adapters, whatever the transformer has


class SpatialPrior(nn.Module):
    """A small convolutional pyramid: (N, 3, H, W) → maps of the strides 4, 8, 16 and 32, all C channels
    wide.
    """

    def __init__(self, width: int, base: int = 56) -> None:
        super().__init__()
        self.stem = nn.Sequential(*self._conv(3, base, stride=2), *self._conv(base, base, stride=1),
                                  *self._conv(base, base, stride=1), nn.MaxPool2d(3, stride=2, padding=1))
        widths = (base, 2 * base, 4 * base, 4 * base)
        self.downsample = nn.ModuleList(
            nn.Sequential(*self._conv(before, after, stride=2)) for before, after in pairwise(widths))
        self.project = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in widths)

    @staticmethod
    def _conv(before: int, after: int, stride: int) -> tuple[nn.Module, ...]:
        return nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images → four maps, finest first."""
        level = self.stem(images)
        levels = [level]
        for downsample in self.downsample:
            level = downsample(level)
            levels.append(level)
        return [project(level) for project, level in zip(self.project, levels, strict=True)]


class ConvFFN(nn.Module):
    """Linear, a depthwise 3×3 on each level's grid, GELU, linear: pyramid tokens (N, tokens, C) → the same
    shape.
    """

    def __init__(self, width: int, ratio: float = 0.25) -> None:
        super().__init__()
        hidden = int(width * ratio)
        self.fc1 = nn.Linear(width, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor, sizes: Sizes) -> Tensor:
        """Tokens of levels of these sizes, one behind the other → the same shape."""
        levels = self.fc1(x).split([height * width for height, width in sizes], dim=1)
        levels = [self.depthwise(as_map(level, size)).flatten(2).transpose(1, 2)
                  for level, size in zip(levels, sizes, strict=True)]
        return self.fc2(F.gelu(torch.cat(levels, dim=1)))


class Injector(nn.Module):
    """The patch tokens read the pyramid."""

    def __init__(self, width: int, num_heads: int, norm: Norm, num_levels: int = 3) -> None:
        super().__init__()
        self.query_norm = norm(width)
        self.feature_norm = norm(width)
        self.attention = DeformableAttention(width, num_heads, num_levels)
        self.scale = LayerScale(width, init_values=1e-5)

    def forward(self, patches: Tensor, pyramid: Tensor, grid_size: Grid, sizes: Sizes) -> Tensor:
        """Patch tokens (N, h·w, C) → the same shape."""
        places = pixel_centres([grid_size], patches.device)
        return patches + self.scale(
            self.attention(self.query_norm(patches), places, self.feature_norm(pyramid), sizes))


class Extractor(nn.Module):
    """The pyramid reads the patch tokens, then passes a feed-forward network."""

    def __init__(self, width: int, num_heads: int, norm: Norm, drop_path_rate: float) -> None:
        super().__init__()
        self.query_norm = norm(width)
        self.feature_norm = norm(width)
        self.attention = DeformableAttention(width, num_heads, num_levels=1)
        self.ffn_norm = norm(width)
        self.ffn = ConvFFN(width)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, pyramid: Tensor, patches: Tensor, grid_size: Grid, sizes: Sizes) -> Tensor:
        """Pyramid tokens (N, tokens, C) → the same shape."""
        places = pixel_centres(sizes, pyramid.device)
        pyramid = pyramid + self.attention(self.query_norm(pyramid), places, self.feature_norm(patches),
                                           [grid_size])
        return pyramid + self.drop_path(self.ffn(self.ffn_norm(pyramid), sizes))


class Interaction(nn.Module):
    """What stands round one group of transformer blocks: an injector before, extractors after."""

    def __init__(self, width: int, num_heads: int, norm: Norm, drop_path_rate: float,
                 num_extractors: int) -> None:
        super().__init__()
        self.injector = Injector(width, num_heads, norm)
        self.extractors = nn.ModuleList(
            Extractor(width, num_heads, norm, drop_path_rate) for _ in range(num_extractors))


class Summary(nn.Module):
    """A 1×1 convolution over a summary vector, tiled, and a map behind it: (N, C), (N, C, H, W) → (N, C, H,
    W).

    The tiled half is the same everywhere, so it is computed once an image.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * width, width, 1)

    def forward(self, summary: Tensor, level: Tensor) -> Tensor:
        """A summary (N, C) and a level (N, C, H, W) → a level."""
        for_summary, for_level = self.conv.weight.chunk(2, dim=1)
        return F.conv2d(level, for_level) + F.linear(summary, for_summary.flatten(1),
                                                     self.conv.bias)[:, :, None, None]


class Adapter(Trunk):
    """The pyramid beside a transformer: four levels of the strides 4, 8, 16 and 32, all C wide.

    A backbone derives from it and from its transformer, calls ``add_adapter`` when that is built, and
    ``init_adapter`` when weights are drawn.
    """

    num_interactions = 4
    strides = (4, 8, 16, 32)  # of the levels

    def add_adapter(self, norm: Norm, num_heads: int, drop_path_rate: float, num_summary: int,
                    use_summary: bool = True) -> None:
        """Build what stands beside the transformer.

        Args:
            norm: makes the layer norm of a width.
            num_heads: heads of the deformable attention.
            drop_path_rate: stochastic depth of the feed-forward networks.
            num_summary: how many of the first tokens the summary is made of.
            use_summary: whether there is a summary.

        Raises:
            ValueError: when the blocks cannot be parted into four.
        """
        if self.depth % self.num_interactions:
            raise ValueError(
                f'{type(self).__name__} parts the blocks into {self.num_interactions} equal groups; this '
                f'arch has {self.depth} blocks')
        width, last = self.width, self.num_interactions - 1
        self.num_summary = num_summary
        self.level_embed = nn.Parameter(torch.zeros(3, width))
        self.spatial_prior = SpatialPrior(width)
        self.interactions = nn.ModuleList(
            Interaction(width, num_heads, norm, drop_path_rate, num_extractors=3 if number == last else 1)
            for number in range(self.num_interactions))
        self.upsample = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.summary = nn.Linear(num_summary * width, width) if use_summary else None
        self.add_summary = nn.ModuleList(Summary(width) for _ in range(4 if use_summary else 0))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(4))

    def init_adapter(self) -> None:
        """He's weights for the pyramid, deformable attention as its paper."""
        for module in self.spatial_prior.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
        nn.init.normal_(self.level_embed)
        for module in self.interactions.modules():
            if isinstance(module, DeformableAttention):
                module.init_weights()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The levels of images.

        Args:
            images: (N, 3, H, W), H and W multiples of 32.

        Returns:
            four levels (N, C, H/4, W/4) to (N, C, H/32, W/32).

        Raises:
            ValueError: when H or W is not a multiple of 32.
        """
        self.check_sides(images, self.strides[-1])
        finest, *levels = self.spatial_prior(images)
        sizes = [size_of(level) for level in levels]
        pyramid = torch.cat([level.flatten(2).transpose(1, 2) + embedding
                             for level, embedding in zip(levels, self.level_embed, strict=True)], dim=1)
        tokens, grid_size = self.embed(images)
        patch_maps = []
        for number, interaction in enumerate(self.interactions):
            tokens, pyramid = self._interact(number, interaction, tokens, pyramid, grid_size, sizes)
            patch_maps.append(as_map(tokens[:, self.num_prefix:], grid_size))
        coarser = pyramid.split([height * width for height, width in sizes], dim=1)
        levels = [as_map(level, size) for level, size in zip(coarser, sizes, strict=True)]
        levels = [finest + self.upsample(levels[0]), *levels]
        levels = [
            level + _resized(patch_map, size_of(level))
            for level, patch_map in zip(levels, patch_maps, strict=True)
        ]
        if self.summary is not None:
            summary = self.summary(tokens[:, :self.num_summary].flatten(1))
            levels = [add(summary, level) for add, level in zip(self.add_summary, levels, strict=True)]
        return tuple(norm(level) for norm, level in zip(self.norms, levels, strict=True))

    def _interact(self, number: int, interaction: Any, tokens: Tensor, pyramid: Tensor, grid_size: Grid,
                  sizes: Sizes) -> tuple[Tensor, Tensor]:
        patches = self.run(interaction.injector, tokens[:, self.num_prefix:], pyramid, grid_size, sizes)
        tokens = torch.cat([tokens[:, :self.num_prefix], patches], dim=1)
        group = self.depth // self.num_interactions
        tokens = self.pass_blocks(tokens, range(number * group, (number + 1) * group), grid_size)
        for extractor in interaction.extractors:
            pyramid = self.run(extractor, pyramid, tokens[:, self.num_prefix:], grid_size, sizes)
        return tokens, pyramid


def _resized(level: Tensor, size: Grid) -> Tensor:
    return level if size_of(level) == size else F.interpolate(level, size, mode='bilinear')


@MODELS.register_module()
class ViTAdapter(Adapter, ViTTrunk):
    """DINOv2's transformer with patches of 16 pixels and an adapter: four levels of ``ViTAdapter.strides``,
    all C wide.

    Args:
        arch: as of ``DINOv2``.
        img_size: (H, W) that the position table is made for, best the network's ``input_size``. For other
            images it is resized in every pass, bicubically.
        num_registers: as of ``DINOv2``.
        drop_path_rate: stochastic depth of the last block, rising linearly from 0, and of the adapter.
        frozen_stages: what of the transformer keeps its weights: −1 nothing, 0 the embedding, k also the
            first k blocks. The adapter always learns.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: MMEngine's; ``dict(type='Pretrained', checkpoint=FILE)`` takes public DINOv2 weights for the
            transformer.

    Raises:
        ValueError: for an unknown ``arch``, or one whose depth cannot be divided by four.
    """

    def __init__(self, arch: str | dict[str, Any] = 'nv_large', img_size: int | Sequence[int] = 224,
                 num_registers: int = 0, drop_path_rate: float = 0.4, frozen_stages: int = -1,
                 with_cp: bool = False, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(arch, 16, img_size, num_registers, (0.0, drop_path_rate), frozen_stages, with_cp,
                         init_cfg)
        self.norm.requires_grad_(False)  # the adapter reads the tokens before the final norm
        self.add_adapter(LayerNorm, self.num_heads, drop_path_rate, num_summary=1)

    def init_weights(self) -> None:
        """As the transformer's; the adapter as ``init_adapter``."""
        self.init_adapter()
        super().init_weights()
