"""DINOv3 as a backbone, on timm's transformers.

Siméoni et al., "DINOv3" (arXiv 2508.10104).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmchangenet.checkpoint.radio_names import dinov3_weights
from mmchangenet.registry import MODELS

from .pretrained import load_into, read_weights
from .timm_trunk import TimmTrunk, TokenOutputs
from .vit_adapter import ADAPTER_HEADS, Adapter
from .vit_trunk import Grid


class DINOv3Trunk(TimmTrunk):
    """DINOv3's transformer: a class token and four registers; positions are rotations in every block, of any
    grid.
    """

    variants = {name: dict(model_name=f'vit_{name}_patch16_dinov3')
                for name in ('small', 'small_plus', 'base', 'large', 'huge_plus', '7b')}
    embedding = ('patch_embed', 'cls_token', 'reg_token')

    def __init__(self, arch: str | dict[str, Any] = 'small', drop_path_rate: float = 0.0,
                 frozen_stages: int = -1, with_cp: bool = False,
                 init_cfg: dict[str, Any] | None = None) -> None:
        options = dict(drop_path_rate=drop_path_rate, global_pool='token')
        super().__init__(arch, options, 5, frozen_stages, with_cp, init_cfg)
        self._freeze()

    def embed(self, images: Tensor) -> tuple[Tensor, Grid]:
        """See :class:`Trunk`; the class token is the first."""
        grid = self.vit.patch_embed.proj(images)
        height, width = (int(side) for side in grid.shape[-2:])
        # empty places in front, to which the tokens are added: their size follows the batch in any exported
        # graph
        tokens = F.pad(grid.flatten(2).transpose(1, 2), (0, 0, self.num_prefix, 0))
        prefix = torch.cat([self.vit.cls_token, self.vit.reg_token], dim=1)
        return tokens + F.pad(prefix, (0, 0, 0, height * width)), (height, width)

    def pass_blocks(self, tokens: Tensor, numbers: Iterable[int], grid_size: Grid) -> Tensor:
        """Tokens through the blocks of these numbers, counted from 0."""
        rotation = self.vit.rope.get_embed(shape=list(grid_size))
        for number in numbers:
            tokens = self.run(self.blocks[number], tokens, rope=rotation)
        return tokens

    def load_pretrained(self, file: str) -> None:
        """Weights in timm's layout, which is the hub's, with or without something in front of all names."""
        load_into(self.vit, dinov3_weights(read_weights(file)), file)


@MODELS.register_module()
class DINOv3(DINOv3Trunk, TokenOutputs):
    """DINOv3 alone: its class token, or maps of its blocks.

    Args:
        arch: ``small``, ``small_plus``, ``base``, ``large``, ``huge_plus`` or ``7b``, the toolkit's
            ``vit_*_dinov3``; or a dict of arguments of timm's ``create_model``, such as
            ``dict(model_name='vit_small_patch16_dinov3', depth=4)``.
        out_type: ``cls_token`` gives the normed class token (N, C); ``featmap`` the normed patch tokens after
            the blocks of ``out_indices`` as maps (N, C, H/16, W/16).
        out_indices: blocks, counted from 0; −1 is the last. For ``cls_token`` only the last.
        drop_path_rate: stochastic depth of the last block; it rises linearly from 0.
        frozen_stages: −1 nothing, 0 the embedding, k also the first k blocks, all of them everything.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: MMEngine's; ``dict(type='Pretrained', checkpoint=FILE)`` takes DINOv3 weights in timm's
            layout.

    Raises:
        ValueError: for an unknown ``arch`` or ``out_type``, or blocks that are not there.
    """

    def __init__(self, arch: str | dict[str, Any] = 'small', out_type: str = 'cls_token',
                 out_indices: Sequence[int] = (-1, ), drop_path_rate: float = 0.0, frozen_stages: int = -1,
                 with_cp: bool = False, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(arch, drop_path_rate, frozen_stages, with_cp, init_cfg)
        self.set_outputs(out_type, out_indices)

    def class_vector(self, tokens: Tensor) -> Tensor:
        """The normed class token: (N, C)."""
        return self.vit.norm(tokens[:, 0])


@MODELS.register_module()
class DINOv3Adapter(Adapter, DINOv3Trunk):
    """DINOv3 with a ViT-Adapter: four levels of ``DINOv3Adapter.strides``, all C wide.

    Args:
        arch: as of ``DINOv3``; its depth is divided by four.
        use_summary: whether a summary of the tokens before the patches' is added to every level.
        drop_path_rate: stochastic depth of the adapter.
        frozen_stages: what of the transformer keeps its weights, as of ``DINOv3``. The adapter always learns.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: as of ``DINOv3``.

    Raises:
        ValueError: for an unknown ``arch``, or one whose depth cannot be divided by four.
    """

    def __init__(self, arch: str | dict[str, Any] = 'small', use_summary: bool = True,
                 drop_path_rate: float = 0.4, frozen_stages: int = -1, with_cp: bool = False,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(arch, 0.0, frozen_stages, with_cp, init_cfg)
        self.vit.norm.requires_grad_(False)  # the adapter reads the tokens before the final norm
        self.add_adapter(nn.LayerNorm, ADAPTER_HEADS, drop_path_rate, self.num_prefix, use_summary)

    def init_weights(self) -> None:
        """As the transformer's; the adapter as ``init_adapter``."""
        self.init_adapter()
        super().init_weights()
