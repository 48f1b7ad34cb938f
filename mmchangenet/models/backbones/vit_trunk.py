"""What the vision transformers share, and DINOv2's: patch embedding, class token, position table and blocks,
all timm's.
"""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModule
from timm.layers import GluMlp, Mlp, PatchEmbed, trunc_normal_
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from .dinov2_weights import adapt_dinov2_weights, read_dinov2_weights

Grid = tuple[int, int]
LayerNorm = partial(nn.LayerNorm, eps=1e-6)
SwiGLU = partial(GluMlp, gate_last=False)

# width, blocks, heads, outputs of the first layer of the MLP, whether it is a SwiGLU (its two halves packed
# into one layer)
VARIANTS: dict[str, dict[str, Any]] = dict(
    small=dict(width=384, depth=12, num_heads=6, hidden_dim=1536, swiglu=False),
    base=dict(width=768, depth=12, num_heads=12, hidden_dim=3072, swiglu=False),
    large=dict(width=1024, depth=24, num_heads=16, hidden_dim=4096, swiglu=False),
    nv_large=dict(width=1024, depth=24, num_heads=16, hidden_dim=5472, swiglu=True),
    giant=dict(width=1536, depth=40, num_heads=24, hidden_dim=8192, swiglu=True))


class Trunk(BaseModule, metaclass=ABCMeta):
    """What backbones on a vision transformer have in common: sizes, blocks in groups, freezing, layer
    numbers.

    Args:
        width: channels of a token.
        num_heads: heads of the attention.
        num_prefix: tokens before those of the patches.
        frozen_stages: what keeps its weights and stays in evaluation mode: −1 nothing, 0 what stands before
            the blocks, k also the first k blocks, all of them with the final norm.
        with_cp: recompute the blocks' activations in the backward pass to save memory.
        init_cfg: MMEngine's.

    Attributes:
        embedding: names of the parameters and modules before the blocks.
        prefix: what stands before the names of the transformer's parameters.
    """

    embedding: ClassVar[tuple[str, ...]]
    prefix: ClassVar[str] = ''
    blocks: nn.ModuleList

    def __init__(self, width: int, num_heads: int, num_prefix: int, frozen_stages: int, with_cp: bool,
                 init_cfg: dict[str, Any] | None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.width, self.num_heads, self.num_prefix = width, num_heads, num_prefix
        self.frozen_stages = frozen_stages
        self.with_cp = with_cp

    @property
    def depth(self) -> int:
        """How many blocks there are."""
        return len(self.blocks)

    @abstractmethod
    def embed(self, images: Tensor) -> tuple[Tensor, Grid]:
        """Images (N, 3, H, W) → tokens (N, num_prefix + h·w, C) with their positions, those of the patches
        last, and the grid (h, w).
        """

    def pass_blocks(self, tokens: Tensor, numbers: Iterable[int], grid_size: Grid) -> Tensor:
        """Tokens through the blocks of these numbers, counted from 0."""
        for number in numbers:
            tokens = self.run(self.blocks[number], tokens)
        return tokens

    def run(self, module: nn.Module, *inputs: Any, **options: Any) -> Any:
        """``module(*inputs)``; in training, with ``with_cp``, its activations are computed again in the
        backward pass.
        """
        if self.with_cp and self.training and torch.is_grad_enabled():
            return checkpoint(module, *inputs, use_reentrant=False, **options)
        return module(*inputs, **options)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer number of a parameter and the number of layers, for mmpretrain's layer-wise learning-rate
        decay.

        Embeddings are layer 0, the blocks 1 to ``depth``; everything else learns at the full rate.
        """
        num_layers, whole = self.depth + 2, prefix + self.prefix
        name = param_name.removeprefix(whole) if param_name.startswith(whole) else ''
        first, *rest = name.split('.')
        if first in self.embedding:
            return 0, num_layers
        return (int(rest[0]) + 1 if first == 'blocks' else num_layers - 1), num_layers

    def train(self, mode: bool = True) -> Trunk:
        """Training or evaluation mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for part in self._frozen():
            if isinstance(part, nn.Module):
                part.eval()
        return self

    def _transformer(self) -> nn.Module:
        """The module whose members are the embedding, the blocks and the final norm."""
        return self

    def _frozen(self) -> list[Any]:
        if self.frozen_stages < 0:
            return []
        transformer = self._transformer()
        embedding = [part for name in self.embedding if (part := getattr(transformer, name)) is not None]
        final = [transformer.norm] if self.frozen_stages == self.depth else []
        return [*embedding, *self.blocks[:self.frozen_stages], *final]

    def _freeze(self) -> None:
        """Checks ``frozen_stages`` and takes the gradients off what is frozen; at the end of building."""
        if self.frozen_stages not in range(-1, self.depth + 1):
            raise ValueError(
                f'frozen_stages {self.frozen_stages!r} of {type(self).__name__}: use -1 (nothing) to '
                f'{self.depth} (all blocks)')
        for part in self._frozen():
            part.requires_grad_(False)

    def check_sides(self, images: Tensor, multiple: int) -> None:
        """Raise a ValueError when a side of the images (N, 3, H, W) is not a multiple."""
        height, width = images.shape[-2:]
        if height % multiple or width % multiple or not height or not width:
            raise ValueError(
                f'{type(self).__name__} takes heights and widths that are multiples of {multiple}; the '
                f'laid-out image is {height}×{width} (height×width). Change the size of the lightings.')


class ViTTrunk(Trunk):
    """A pre-norm vision transformer with LayerScale, as DINOv2's (arXiv 2304.07193).

    Parameters have the names of timm and of DINOv2's authors.

    Args:
        arch: one of ``VARIANTS``, or such a dict of numbers.
        patch_size: side of a patch in pixels.
        img_size: (H, W) of the images that the position table is made for; one number for a square.
        num_registers: register tokens behind the class token (Darcet et al., arXiv 2309.16588); they have no
            position.
        drop_path_rates: stochastic depth of the first and of the last block, linear in between.
        frozen_stages: what keeps its weights and stays in evaluation mode: −1 nothing, 0 patch embedding,
            class token, registers and position table, k also the first k blocks, all of them with the final
            norm.
        with_cp: recompute the blocks' activations in the backward pass to save memory.
        init_cfg: MMEngine's. ``dict(type='Pretrained', checkpoint=FILE)`` takes public DINOv2 weights, see
            ``adapt_dinov2_weights``.

    Raises:
        ValueError: for an unknown ``arch`` or a ``frozen_stages`` beyond the last block.
    """

    embedding = ('patch_embed', 'cls_token', 'register_tokens', 'pos_embed')

    def __init__(self, arch: str | dict[str, Any], patch_size: int, img_size: int | Sequence[int],
                 num_registers: int, drop_path_rates: Sequence[float], frozen_stages: int, with_cp: bool,
                 init_cfg: dict[str, Any] | None) -> None:
        if isinstance(arch, str) and arch not in VARIANTS:
            raise ValueError(
                f'{type(self).__name__} has no arch {arch!r}; choose one of {", ".join(VARIANTS)}')
        variant = VARIANTS[arch] if isinstance(arch, str) else arch
        super().__init__(variant['width'], variant['num_heads'], 1 + num_registers, frozen_stages, with_cp,
                         init_cfg)
        self.patch_size = patch_size
        height, width = _pair(img_size)
        self.grid_size = height // patch_size, width // patch_size

        self.patch_embed = PatchEmbed(None, patch_size, embed_dim=self.width, flatten=False,
                                      strict_img_size=False)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.width))
        registers = torch.zeros(1, num_registers, self.width)
        self.register_tokens = nn.Parameter(registers) if num_registers else None
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + math.prod(self.grid_size), self.width))
        rates = torch.linspace(*drop_path_rates, variant['depth'], device='cpu').tolist()
        self.blocks = nn.ModuleList(self._block(variant, rate) for rate in rates)
        self.norm = LayerNorm(self.width)
        self._freeze()

    @staticmethod
    def _block(variant: dict[str, Any], drop_path_rate: float) -> Block:
        width, hidden_dim = variant['width'], variant['hidden_dim']
        mlp: dict[str, Any] = dict(mlp_layer=Mlp)
        if variant['swiglu']:
            mlp = dict(mlp_layer=SwiGLU, act_layer=nn.SiLU)
        return Block(width, variant['num_heads'], qkv_bias=True, init_values=1e-5, drop_path=drop_path_rate,
                     mlp_ratio=hidden_dim / width, norm_layer=LayerNorm, **mlp)

    def embed(self, images: Tensor) -> tuple[Tensor, Grid]:
        """See :class:`Trunk`; the class token is the first."""
        grid = self.patch_embed(images)
        grid_size = size_of(grid)
        # empty places in front, to which the others are added: their size follows the batch in any exported
        # graph
        tokens = F.pad(grid.flatten(2).transpose(1, 2), (0, 0, self.num_prefix, 0))
        position = self.position(grid_size)
        registers = [] if self.register_tokens is None else [self.register_tokens]
        added = torch.cat([self.cls_token + position[:, :1], *registers, position[:, 1:]], dim=1)
        return tokens + added, grid_size

    def position(self, grid_size: Grid) -> Tensor:
        """The position table for a grid (h, w): (1, 1 + h·w, C)."""
        if tuple(grid_size) == self.grid_size:
            return self.pos_embed
        patches = self.pos_embed[:, 1:].transpose(1, 2).unflatten(-1, self.grid_size)
        patches = self.resize_position(patches, grid_size).flatten(2).transpose(1, 2)
        return torch.cat([self.pos_embed[:, :1], patches], dim=1)

    def resize_position(self, patches: Tensor, grid_size: Grid) -> Tensor:
        """The table's patch part (1, C, h, w) for another grid."""
        return F.interpolate(patches, grid_size, mode='bicubic')

    def init_weights(self) -> None:
        """Truncated normal weights of σ 0.02, as DINOv2 is trained from, then ``init_cfg``.

        Raises:
            CheckpointError: when the file of ``init_cfg`` does not hold this transformer's weights.
        """
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        trunc_normal_(self.cls_token, std=0.02)
        trunc_normal_(self.pos_embed, std=0.02)
        if self.register_tokens is not None:
            nn.init.normal_(self.register_tokens, std=1e-6)
        if (self.init_cfg or {}).get('type') != 'Pretrained':
            super().init_weights()
            return
        file = self.init_cfg['checkpoint']
        self.load_state_dict(adapt_dinov2_weights(read_dinov2_weights(file), self, file), strict=False)
        self._is_init = True

    def trunk_keys(self) -> list[str]:
        """The names of the transformer's own weights, those of a backbone built on it left out."""
        return [name for name in self.state_dict()
                if name.split('.')[0] in (*self.embedding, 'blocks', 'norm')]


def size_of(level: Tensor) -> Grid:
    """(h, w) of a map (N, C, h, w), plain numbers in an export, too."""
    height, width = level.shape[-2:]
    return int(height), int(width)


def as_map(tokens: Tensor, grid_size: Sequence[int]) -> Tensor:
    """Tokens (N, h·w, C) → a map (N, C, h, w)."""
    return tokens.transpose(1, 2).unflatten(-1, grid_size)


def _pair(size: int | Sequence[int]) -> Sequence[int]:
    return (size, size) if isinstance(size, int) else size
