"""DINOv2's vision transformer as a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from mmchangenet.registry import MODELS

from .vit_trunk import Grid, ViTTrunk, as_map


@MODELS.register_module()
class DINOv2(ViTTrunk):
    """Vision transformer of Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision"
    (arXiv 2304.07193).

    Args:
        arch: ``small``, ``base``, ``large`` and ``giant`` are the public ones, ``nv_large`` the
            toolkit's ``vit_large_nvdinov2``; or a dict of ``width, depth, num_heads, hidden_dim, swiglu``.
        out_type: ``cls_token`` gives the normed class token (N, C); ``featmap`` the normed patch tokens
            after the blocks of ``out_indices`` as maps (N, C, H/14, W/14).
        out_indices: blocks, counted from 0; −1 is the last. For ``cls_token`` only the last.
        patch_size: side of a patch in pixels; sides of images are multiples of it.
        img_size: (H, W) that the position table is made for. For other images it is
            resized in every pass, with the sampling coordinates of DINOv2's authors.
        num_registers: register tokens; the public weights with registers have 4.
        drop_path_rate: stochastic depth of the last block; it rises linearly from 0.
        frozen_stages: −1 nothing, 0 the embedding, k also the first k blocks, all of them everything.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: MMEngine's; ``dict(type='Pretrained', checkpoint=FILE)`` takes public
            DINOv2 weights.

    Raises:
        ValueError: for an unknown ``arch`` or ``out_type``, or blocks that are not there.
    """

    def __init__(self, arch: str | dict[str, Any] = 'nv_large', out_type: str = 'cls_token',
                 out_indices: Sequence[int] = (-1, ), patch_size: int = 14,
                 img_size: int | Sequence[int] = 518, num_registers: int = 0,
                 drop_path_rate: float = 0.0, frozen_stages: int = -1,
                 with_cp: bool = False, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(arch, patch_size, img_size, num_registers, (0.0, drop_path_rate), frozen_stages,
                         with_cp, init_cfg)
        if out_type not in ('cls_token', 'featmap'):
            raise ValueError(f"out_type {out_type!r} of DINOv2: use 'cls_token' or 'featmap'")
        if not out_indices or any(index not in range(-self.depth, self.depth) for index in out_indices):
            raise ValueError(
                f'out_indices {tuple(out_indices)} of DINOv2: its blocks are 0 to {self.depth - 1}')
        self.out_indices = tuple(index % self.depth for index in out_indices)
        if out_type == 'cls_token' and self.out_indices != (self.depth - 1, ):
            raise ValueError(
                f"out_indices {tuple(out_indices)} of DINOv2: the class token is that of the last block; use "
                f"-1, or out_type='featmap'")
        self.out_type = out_type

    def resize_position(self, patches: Tensor, grid_size: Grid) -> Tensor:
        """As DINOv2's authors: scale factors a tenth of a patch too large, which also shift where is
        sampled.
        """
        scale = tuple((side + 0.1) / before for side, before in zip(grid_size, self.grid_size, strict=True))
        return F.interpolate(patches, scale_factor=scale, mode='bicubic')

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The class token or the maps of images.

        Args:
            images: (N, 3, H, W), H and W multiples of ``patch_size``.

        Returns:
            the class token (N, C), or a map (N, C, h, w) for each of ``out_indices``.

        Raises:
            ValueError: when H or W is not a multiple of ``patch_size``.
        """
        self.check_sides(images, self.patch_size)
        tokens, grid_size = self.embed(images)
        levels = {}
        for number, block in enumerate(self.blocks[:max(self.out_indices) + 1]):
            tokens = self.run(block, tokens)
            if number in self.out_indices:
                levels[number] = tokens
        if self.out_type == 'cls_token':
            return (self.norm(tokens[:, 0]), )
        return tuple(
            as_map(self.norm(levels[index][:, self.num_prefix:]), grid_size) for index in self.out_indices)
