"""C-RADIO v2 as a backbone: timm's transformer, C-RADIO's tokens and positions.

Heinrich et al., "RADIOv2.5: Improved Baselines for Agglomerative Vision Foundation Models", CVPR 2025 (arXiv
2412.07679). Written from a description of what the published networks compute, so that their weights give the
same features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmchangenet.checkpoint.radio_names import radio_weights
from mmchangenet.registry import MODELS

from .pretrained import load_into, read_weights
from .timm_trunk import TimmTrunk, TokenOutputs
from .vit_adapter import ADAPTER_HEADS, Adapter
from .vit_trunk import Grid


class RadioTrunk(TimmTrunk):
    """C-RADIO v2's transformer: eight tokens before the patches', a position table of 128×128 that every grid
    takes a part of.

    In training each image's positions are a random window of the table, as C-RADIO is trained, unless the
    embedding is frozen. Published weights expect images normalised with CLIP's mean and std.
    """

    # LayerScale, which timm's v3 of base and large has, goes with 0.0; None would leave it
    variants = dict(
        base=dict(model_name='vit_base_patch16_radio_v3', init_values=0.0),
        large=dict(model_name='vit_large_patch16_radio_v3', init_values=0.0),
        huge=dict(model_name='vit_huge_patch16_radio_v3'))
    embedding = ('patch_embed', 'class_tokens', 'pos_embed')
    num_tokens = 8  # before the patches': class tokens and registers
    num_summary_tokens = 3  # of the class tokens, those of the image's vector
    table_size = 128  # of the position table, in patches: images of 2048 pixels
    least_area, largest_aspect, no_position = 0.1, 4 / 3, 0.1  # of the windows; how often none

    def __init__(self, arch: str | dict[str, Any] = 'base', frozen_stages: int = -1, with_cp: bool = False,
                 init_cfg: dict[str, Any] | None = None) -> None:
        options = dict(img_size=self.table_size * self.patch_size, class_token=False, reg_tokens=0,
                       global_pool='')
        super().__init__(arch, options, self.num_tokens, frozen_stages, with_cp, init_cfg)
        self.vit.patch_embed.proj.register_parameter('bias', None)
        self.vit.register_parameter('class_tokens', nn.Parameter(torch.zeros(self.num_tokens, self.width)))
        self._freeze()

    def init_weights(self) -> None:
        """timm's; the tokens as C-RADIO's."""
        nn.init.normal_(self.vit.class_tokens, std=self.width**-0.5)
        super().init_weights()

    def embed(self, images: Tensor) -> tuple[Tensor, Grid]:
        """See :class:`Trunk`."""
        grid = self.vit.patch_embed.proj(images)
        height, width = (int(side) for side in grid.shape[-2:])
        windows = self.training and self.frozen_stages < 0
        size = height, width
        position = self.window_positions(len(images), size) if windows else self.position(size)
        # empty places in front, to which the tokens are added: their size follows the batch in any exported
        # graph
        tokens = F.pad((grid + position).flatten(2).transpose(1, 2), (0, 0, self.num_prefix, 0))
        return tokens + F.pad(self.vit.class_tokens, (0, 0, 0, height * width)), (height, width)

    def _table(self) -> Tensor:
        return self.vit.pos_embed.transpose(1, 2).unflatten(-1, (self.table_size, self.table_size))

    def position(self, grid_size: Grid) -> Tensor:
        """The positions of a grid (h, w), (1, C, h, w): the table at the size of the longer side, its top
        left part.
        """
        side, table = max(grid_size), self._table()
        if side != self.table_size:
            table = F.interpolate(table, (side, side), mode='bilinear', align_corners=True)
        return table[..., :grid_size[0], :grid_size[1]]

    def window_positions(self, count: int, grid_size: Grid) -> Tensor:
        """Positions (count, C, h, w) of a random window each, drawn from torch's generator."""
        table = self._table()
        scale, aspect, *place = torch.rand(4, count, device=table.device)
        scale = math.sqrt(self.least_area) + scale * (1 - math.sqrt(self.least_area))
        aspect = torch.exp((2 * aspect - 1) * math.log(self.largest_aspect))
        axes = []
        for extent, start, steps in zip((scale * aspect, scale / aspect), place, reversed(grid_size),
                                        strict=True):
            extent = extent.clamp(max=1)
            share = torch.linspace(0, 1, steps, device=table.device)
            axes.append(2 * ((1 - extent) * start)[:, None] + 2 * extent[:, None] * share - 1)
        x, y = axes
        height, width = grid_size
        places = torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], dim=-1)
        windows = F.grid_sample(table.expand(count, -1, -1, -1), places.to(table.dtype), mode='bilinear',
                                align_corners=True)
        return windows * (torch.rand(count, 1, 1, 1, device=table.device) >= self.no_position)

    def load_pretrained(self, file: str) -> None:
        """Published weights: the hub's, NVIDIA's .pth, timm's layout or a converted one."""
        load_into(self.vit, radio_weights(read_weights(file)), file)


@MODELS.register_module()
class CRADIO(RadioTrunk, TokenOutputs):
    """C-RADIO v2 alone: its class tokens, or maps of its blocks.

    Args:
        arch: ``base``, ``large`` or ``huge``, the toolkit's ``c_radio_v2_vit_*_patch16_224``; or a dict of
            arguments of timm's ``create_model``, such as ``dict(model_name='vit_base_patch16_radio_v3',
            init_values=0.0, depth=4)``.
        out_type: ``cls_token`` gives the first three class tokens as one vector (N, 3·C), without a norm;
            ``featmap`` the patch tokens after the blocks of ``out_indices`` as maps (N, C, H/16, W/16).
        out_indices: blocks, counted from 0; −1 is the last. For ``cls_token`` only the last.
        frozen_stages: −1 nothing, 0 the embedding, k also the first k blocks, all of them everything.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: MMEngine's; ``dict(type='Pretrained', checkpoint=FILE)`` takes published C-RADIO v2 weights.

    Raises:
        ValueError: for an unknown ``arch`` or ``out_type``, or blocks that are not there.
    """

    def __init__(self, arch: str | dict[str, Any] = 'base', out_type: str = 'cls_token',
                 out_indices: Sequence[int] = (-1, ), frozen_stages: int = -1, with_cp: bool = False,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(arch, frozen_stages, with_cp, init_cfg)
        self.set_outputs(out_type, out_indices)

    def class_vector(self, tokens: Tensor) -> Tensor:
        """The class tokens of the summary, flattened: (N, 3·C)."""
        return tokens[:, :self.num_summary_tokens].flatten(1)


@MODELS.register_module()
class CRADIOAdapter(Adapter, RadioTrunk):
    """C-RADIO v2 with a ViT-Adapter: four levels of ``CRADIOAdapter.strides``, all C wide.

    Args:
        arch: as of ``CRADIO``; its depth is divided by four.
        use_summary: whether a summary of the tokens before the patches' is added to every level.
        drop_path_rate: stochastic depth of the adapter.
        frozen_stages: what of the transformer keeps its weights, as of ``CRADIO``. The adapter always learns.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: as of ``CRADIO``.

    Raises:
        ValueError: for an unknown ``arch``, or one whose depth cannot be divided by four.
    """

    def __init__(self, arch: str | dict[str, Any] = 'base', use_summary: bool = True,
                 drop_path_rate: float = 0.0, frozen_stages: int = -1, with_cp: bool = False,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(arch, frozen_stages, with_cp, init_cfg)
        self.add_adapter(nn.LayerNorm, ADAPTER_HEADS, drop_path_rate, self.num_prefix, use_summary)

    def init_weights(self) -> None:
        """As the transformer's; the adapter as ``init_adapter``."""
        self.init_adapter()
        super().init_weights()
