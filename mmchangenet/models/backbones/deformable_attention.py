"""Multi-scale deformable attention: every query reads a few places of every level, at offsets that it chooses
itself.

Zhu et al., "Deformable DETR" (arXiv 2010.04159).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Sizes = Sequence[tuple[int, int]]

try:  # a full mmcv brings it compiled for GPUs
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
except ImportError:
    MultiScaleDeformableAttnFunction = None


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention in plain torch; on a GPU by mmcv's compiled operator where that is
    installed.

    Exports to standard ONNX operators from opset 16 (GridSample) on.

    Args:
        width: channels of queries and values.
        num_heads: attention heads.
        num_levels: maps that are read.
        num_points: places a query reads of each map and head.
        value_ratio: channels of the projected values, as a share of ``width``.
    """

    def __init__(self, width: int, num_heads: int, num_levels: int, num_points: int = 4,
                 value_ratio: float = 0.5) -> None:
        super().__init__()
        self.num_heads, self.num_levels, self.num_points = num_heads, num_levels, num_points
        value_width = int(width * value_ratio)
        self.sampling_offsets = nn.Linear(width, num_heads * num_levels * num_points * 2)
        self.attention_weights = nn.Linear(width, num_heads * num_levels * num_points)
        self.value_proj = nn.Linear(width, value_width)
        self.output_proj = nn.Linear(value_width, width)

    def init_weights(self) -> None:
        """Heads look into directions all round, point k a distance of k; all places weigh alike."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angle = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)
        direction = direction / direction.abs().amax(dim=-1, keepdim=True)
        distance = torch.arange(1, self.num_points + 1.0)
        offsets = (direction[:, None, None] * distance[:, None]).expand(-1, self.num_levels, -1, -1)
        self.sampling_offsets.bias.data.copy_(offsets.flatten())
        for linear in (self.attention_weights, self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.attention_weights.weight)

    def forward(self, query: Tensor, places: Tensor, features: Tensor, sizes: Sizes) -> Tensor:
        """What the queries read from the levels.

        Args:
            query: (N, Q, C).
            places: (Q, 2), x and y of each query in the image, from 0 to 1.
            features: (N, sum of h·w, C), the tokens of all levels one after the other.
            sizes: (h, w) of each level.

        Returns:
            torch.Tensor: (N, Q, C).
        """
        split = (self.num_heads, self.num_levels, self.num_points)
        value = self.value_proj(features).unflatten(-1, (self.num_heads, -1))
        weights = self.attention_weights(query).unflatten(-1, (self.num_heads, -1)).softmax(-1).unflatten(
            -1, split[1:])
        # places in half precision would be off by whole pixels
        scale = torch.tensor([[width, height] for height, width in sizes], dtype=torch.float32,
                             device=query.device)
        offsets = self.sampling_offsets(query).float().unflatten(-1, (*split, 2)) / scale[:, None]
        locations = places[:, None, None, None] + offsets
        return self.output_proj(
            sample_and_weigh(value.float(), sizes, locations, weights.float()).to(value.dtype))


def sample_and_weigh(value: Tensor, sizes: Sizes, locations: Tensor, weights: Tensor) -> Tensor:
    """Bilinear samples, zeros outside, weighted and added up.

    Args:
        value: (N, sum of h·w, heads, c).
        sizes: (h, w) of each level.
        locations: (N, Q, heads, levels, points, 2), x and y from 0 to 1.
        weights: (N, Q, heads, levels, points).

    Returns:
        (N, Q, heads · c).
    """
    if MultiScaleDeformableAttnFunction is not None and value.is_cuda and not torch.jit.is_tracing():
        return _compiled(value, sizes, locations, weights)
    heads_first = value.permute(0, 2, 3, 1).flatten(0, 1)  # (N · heads, c, tokens)
    grids = (2 * locations - 1).transpose(1, 2).flatten(0, 1)  # (N · heads, Q, levels, points, 2)
    weights = weights.transpose(1, 2).flatten(0, 1)[:, None]  # (N · heads, 1, Q, levels, points)
    total: Any = 0
    for level, (tokens, size) in enumerate(
            zip(heads_first.split([math.prod(s) for s in sizes], dim=-1), sizes, strict=True)):
        samples = F.grid_sample(tokens.unflatten(-1, size), grids[:, :, level], mode='bilinear',
                                padding_mode='zeros', align_corners=False)  # (N · heads, c, Q, points)
        total = total + (samples * weights[:, :, :, level]).sum(-1)
    return total.unflatten(0, (-1, value.shape[2])).permute(0, 3, 1, 2).flatten(2)


def _compiled(value: Tensor, sizes: Sizes, locations: Tensor, weights: Tensor) -> Tensor | None:
    shapes = torch.tensor(sizes, device=value.device)
    starts = torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]])
    return MultiScaleDeformableAttnFunction.apply(
        value.contiguous(), shapes, starts, locations.contiguous(), weights.contiguous(), len(value))


def pixel_centres(sizes: Sizes, device: torch.device | None = None) -> Tensor:
    """x and y, from 0 to 1, of the pixels of levels (h, w), row by row and level by level: float32 (sum of
    h·w, 2).
    """
    levels = []
    for height, width in sizes:
        y, x = ((torch.arange(side, device=device, dtype=torch.float32) + 0.5) / side
                for side in (height, width))
        levels.append(torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=-1))
    return torch.cat(levels)
