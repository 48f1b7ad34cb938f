"""What the weights of a vision transformer say of their network."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmchangenet.checkpoint.radio_names import is_radio
from mmchangenet.models import CRADIO, CRADIOAdapter, DINOv2, DINOv3, DINOv3Adapter, ViTAdapter
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
    sizes = dict(width=width, depth=_depth(ours, 'backbone.blocks.'), hidden_dim=hidden_dim,
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


def _depth(ours: Mapping[str, Tensor], prefix: str) -> int:
    numbers = map(re.compile(re.escape(prefix) + r'(\d+)\.').match, ours)
    return 1 + max(int(match[1]) for match in numbers if match)


# (channels, blocks) → arch of C-RADIO and DINOv3
RADIO_ARCHS = {(768, 12): 'base', (1024, 24): 'large', (1280, 32): 'huge'}
DINOV3_ARCHS = {(384, 12): 'small', (768, 12): 'base', (1024, 24): 'large', (1280, 32): 'huge_plus',
                (4096, 40): '7b'}


def infer_timm(ours: Mapping[str, Tensor]) -> dict[str, Any]:
    """What weights in our layout say of their C-RADIO or DINOv3.

    Returns:
        ``backbone``, its type; ``arch``, a name or a dict; with an adapter ``use_summary``.

    Raises:
        KeyError: naming the weight that would tell and is missing.
    """
    sizes = len(ours['backbone.vit.blocks.0.norm1.weight']), _depth(ours, 'backbone.vit.blocks.')
    if is_radio(ours):
        kind, archs, like = 'CRADIO', RADIO_ARCHS, CRADIO.variants['base']
    elif 'backbone.vit.blocks.0.mlp.fc1_g.weight' in ours:  # a SwiGLU
        kind, archs = 'DINOv3', {**DINOV3_ARCHS, (384, 12): 'small_plus'}
        like = DINOv3.variants['small_plus']
    else:
        kind, archs, like = 'DINOv3', DINOV3_ARCHS, DINOv3.variants['base']
    # heads as in ``infer_vit``
    arch = archs.get(sizes) or {**like, **dict(zip(('embed_dim', 'depth'), sizes, strict=True)),
                                'num_heads': max(1, sizes[0] // 64)}
    if 'backbone.level_embed' not in ours:
        return dict(backbone=kind, arch=arch)
    return dict(backbone=f'{kind}Adapter', arch=arch, use_summary='backbone.summary.weight' in ours)


def build_vit(structure: Mapping[str, Any]) -> tuple[nn.Module, list[int]]:
    """The backbone of ``infer_vit`` or ``infer_timm`` and the channels of its levels."""
    kinds = (CRADIO, CRADIOAdapter, DINOv2, DINOv3, DINOv3Adapter, ViTAdapter)
    options = {name: structure[name] for name in ('arch', 'img_size', 'use_summary') if name in structure}
    backbone = {kind.__name__: kind for kind in kinds}[structure['backbone']](**options)
    width = backbone.width * (CRADIO.num_summary_tokens if structure['backbone'] == 'CRADIO' else 1)
    return backbone, [width] * 4
