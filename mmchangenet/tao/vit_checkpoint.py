"""What the weights of a vision transformer say of their network."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmchangenet.models import DINOv2, ViTAdapter
from mmchangenet.models.backbones.vit_trunk import VARIANTS


def infer_vit(ours: Mapping[str, Tensor]) -> dict[str, Any]:
    """What weights in our layout say of their vision transformer.

    Returns:
        ``backbone``, ``DINOv2`` or ``ViTAdapter``; ``arch``, a name or a dict; ``img_size``, (H, W) of the
        position table, taken for square.

    Raises:
        KeyError: naming the weight that would tell and is missing.
    """
    width = ours['backbone.cls_token'].shape[-1]
    hidden_dim = len(ours['backbone.blocks.0.mlp.fc1.weight'])
    depth = 1 + max(
        int(match[1]) for match in map(re.compile(r'backbone\.blocks\.(\d+)\.').match, ours) if match)
    sizes = dict(width=width, depth=depth, hidden_dim=hidden_dim,
                 swiglu=ours['backbone.blocks.0.mlp.fc2.weight'].shape[1] < hidden_dim)
    # the heads leave no trace in the transformer's weights; they are 64 channels wide in every known variant
    arch = dict(sizes, num_heads=max(1, width // 64))
    name = next((name for name, variant in VARIANTS.items() if variant == arch), arch)
    patch_size = ours['backbone.patch_embed.proj.weight'].shape[-1]
    entries = ours['backbone.pos_embed'].shape[1] - 1
    side = math.isqrt(entries)
    grid = (side, side) if side * side == entries else (1, entries)
    backbone = 'ViTAdapter' if 'backbone.level_embed' in ours else 'DINOv2'
    return dict(backbone=backbone, arch=name, img_size=tuple(patch_size * places for places in grid))


def build_vit(structure: Mapping[str, Any]) -> tuple[nn.Module, list[int]]:
    """The backbone of ``infer_vit`` and the channels of its levels."""
    backbone = dict(DINOv2=DINOv2, ViTAdapter=ViTAdapter)[structure['backbone']](
        structure['arch'], img_size=structure['img_size'])
    return backbone, [backbone.width] * 4
