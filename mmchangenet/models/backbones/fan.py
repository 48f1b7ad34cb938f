"""FAN hybrid: a ConvNeXt stem followed by fully attentional blocks.

Zhou et al., "Understanding The Robustness in Vision Transformers", ICML 2022 (arXiv 2204.12451): token mixing
by self-attention, channel processing by attention over channels. Written from a description of what the
published networks compute, so that their weights give the same features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModule
from timm.layers import DropPath, Mlp, trunc_normal_
from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mmchangenet.registry import MODELS

LayerNorm = partial(nn.LayerNorm, eps=1e-6)
Grid = tuple[int, int]


class UnbiasedLayerNorm(nn.LayerNorm):
    """Layer norm over the last dimension by the variance divided by C − 1 instead of C.

    Dividing by √(v·C/(C−1) + eps) equals scaling the weight by √((C−1)/C) and eps by (C−1)/C, so the stock
    kernel serves while the parameters stay those of the published networks.
    """

    def __init__(self, channels: int, eps: float = 1e-6, device: Any = None,
                 dtype: torch.dtype | None = None) -> None:
        super().__init__(channels, eps=eps * (channels - 1) / channels, device=device, dtype=dtype)
        self.scale = math.sqrt((channels - 1) / channels)

    def forward(self, x: Tensor) -> Tensor:
        """(…, C) → the same shape."""
        return F.layer_norm(x, self.normalized_shape, self.weight * self.scale, self.bias, self.eps)


class ChannelsLast(nn.Module):
    """Applies a layer that works on the last dimension to the channels of an (N, C, H, W) map."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        return self.layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class StemBlock(ConvNeXtBlock):
    """A ConvNeXt block that scales the weights of its last layer instead of that layer's output, a far larger
    map.

    In inference GELU, too, spares a map: it overwrites the largest one there is.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        hidden = self.mlp.fc1(self.norm(self.conv_dw(x).permute(0, 2, 3, 1)))
        hidden = torch.ops.aten.gelu_(hidden) if _infers_eagerly() else self.mlp.act(hidden)
        last = self.mlp.fc2
        branch = F.linear(hidden, last.weight * self.gamma[:, None], last.bias * self.gamma)
        return x + branch.permute(0, 3, 1, 2)


class ConvNeXtStem(nn.Module):
    """Two ConvNeXt stages: (N, 3, H, W) → (N, 128, H/4, W/4) and (N, 256, H/8, W/8)."""

    widths = (128, 256)

    def __init__(self, depths: Sequence[int]) -> None:
        super().__init__()
        first, second = self.widths
        self.patchify = nn.Sequential(nn.Conv2d(3, first, 4, stride=4), ChannelsLast(LayerNorm(first)))
        self.stage1 = self._stage(first, depths[0])
        self.downsample = nn.Sequential(ChannelsLast(UnbiasedLayerNorm(first)),
                                        nn.Conv2d(first, second, 2, stride=2))
        self.stage2 = self._stage(second, depths[1])

    @staticmethod
    def _stage(width: int, depth: int) -> nn.Sequential:
        block = partial(StemBlock, width, norm_layer=UnbiasedLayerNorm, ls_init_value=1e-6)
        return nn.Sequential(*(block() for _ in range(depth)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images → two levels."""
        level1 = self.stage1(self.patchify(images))
        return level1, self.stage2(self.downsample(level1))


class FourierPosition(nn.Module):
    """Adds to a token grid the projection of sines and cosines of each row and column number."""

    hidden_dim = 32
    temperature = 10000

    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(2 * self.hidden_dim, width, 1)
        self._tables: dict[tuple[Any, ...], Tensor] = {}

    def forward(self, grid: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        key = (*grid.shape[-2:], grid.device, grid.dtype)
        if key not in self._tables:
            with torch.inference_mode(False):  # it may serve training later
                self._tables[key] = self.table(*grid.shape[-2:]).to(grid)
        return grid + self.projection(self._tables[key])

    @classmethod
    def table(cls, height: int, width: int) -> Tensor:
        """The code of every place: (1, 64, height, width), rows in the first 32 channels, columns in the
        others.
        """
        rows = cls._waves(height).T[:, :, None].expand(-1, -1, width)
        columns = cls._waves(width).T[:, None, :].expand(-1, height, -1)
        return torch.cat([rows, columns])[None]

    @classmethod
    def _waves(cls, length: int) -> Tensor:
        """Sines in the even and cosines in the odd columns: (length, 32)."""
        place = torch.arange(1, length + 1, dtype=torch.float32) / (length + 1e-6) * (2 * math.pi)
        exponent = 2 * torch.arange(cls.hidden_dim // 2, dtype=torch.float32) / cls.hidden_dim
        angle = place[:, None] / cls.temperature**exponent
        return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class TokenMixing(nn.Module):
    """Multi-head self-attention over the tokens: (N, tokens, C) → the same shape."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, C) → the same shape."""
        split = (self.num_heads, -1)
        q = self.q(x).unflatten(-1, split).transpose(1, 2)
        k, v = (half.unflatten(-1, split).transpose(1, 2) for half in self.kv(x).chunk(2, dim=-1))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class GridMlp(nn.Module):
    """Linear to 4C, a gated depthwise branch on the token grid, linear back to C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width
        self.fc1 = nn.Linear(width, hidden)
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden), nn.GELU(), nn.BatchNorm2d(hidden),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden))
        self.gamma = nn.Parameter(torch.ones(hidden))
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor, grid_size: Grid) -> Tensor:
        """Tokens (N, tokens, C) of a grid → the same shape."""
        y = self.fc1(x)
        # a view of (N, tokens, C) as a channels-last map: no copy
        grid = self.depthwise(y.transpose(1, 2).unflatten(-1, grid_size))
        return self.fc2(y + self.gamma * grid.flatten(2).transpose(1, 2))


class ChannelProcessing(nn.Module):
    """Attention over channels: a sigmoid gate a channel, drawn from all tokens, on the output of an MLP."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(width, width)
        self.temperature = nn.Parameter(torch.ones(num_heads, 1, 1))
        self.mlp = GridMlp(width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, grid_size: Grid) -> Tensor:
        """Tokens (N, tokens, C) of a grid → the same shape."""
        split = (self.num_heads, -1)
        q = self.q(x).softmax(dim=1).unflatten(-1, split)
        k = x.softmax(dim=1).unflatten(-1, split).mean(dim=-1, keepdim=True)
        gate = (q * k).sum(dim=1, keepdim=True).sigmoid() * self.temperature.flatten(1)
        return self.norm(self.mlp(x, grid_size)) * gate.flatten(2)


class FANBlock(nn.Module):
    """Token mixing, then channel processing, each a scaled residual branch."""

    def __init__(self, width: int, num_heads: int, drop_path_rate: float) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.token_mixing = TokenMixing(width, num_heads)
        self.gamma1 = nn.Parameter(torch.ones(width))
        self.norm2 = LayerNorm(width)
        self.channel_processing = ChannelProcessing(width, num_heads)
        self.gamma2 = nn.Parameter(torch.ones(width))
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Tensor, grid_size: Grid) -> Tensor:
        """(N, tokens, C) → the same shape."""
        x = x + self.drop_path(self.gamma1 * self.token_mixing(self.norm1(x)))
        return x + self.drop_path(self.gamma2 * self.channel_processing(self.norm2(x), grid_size))


class ClassAttention(nn.Module):
    """The class token attends to all tokens: (N, 1 + tokens, C) → (N, 1, C)."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1 + tokens, C), the class token first → (N, 1, C)."""
        q, k, v = (
            layer(tokens).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer, tokens in ((self.q, x[:, :1]), (self.k, x), (self.v, x)))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class ClassAttentionBlock(nn.Module):
    """A block in which the class token reads the patch tokens, which never read it."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attention = ClassAttention(width, num_heads)
        self.gamma1 = nn.Parameter(torch.ones(width))
        self.norm2 = LayerNorm(width)
        self.mlp = Mlp(width, 4 * width)
        self.gamma2 = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Class and patch tokens (N, 1 + tokens, C) → the same shape."""
        normed = self.norm1(x)
        x = self.norm2(x + self.gamma1 * torch.cat([self.attention(normed), normed[:, 1:]], dim=1))
        return x + torch.cat([self.gamma2 * self.mlp(x[:, :1]), x[:, 1:]], dim=1)

    def forward_patches(self, x: Tensor) -> Tensor:
        """What happens to the patch tokens alone: (N, tokens, C) → the same shape."""
        return 2 * self.norm2(x + self.gamma1 * self.norm1(x))


@MODELS.register_module()
class FAN(BaseModule):
    """FAN hybrid backbone.

    Levels 1 to 4 have the ``FAN.strides`` and the channels 128, 256, C and C. Levels 1 and 2 come from the
    stem, level 3 from a FAN block in the depth, level 4 are the patch tokens after the class-attention
    blocks.

    Args:
        arch: ``tiny``, ``small``, ``base`` or ``large``, or such a dict of numbers as ``FAN.variants`` has of
            them.
        out_indices: the levels to return, 0 to 3.
        out_type: ``featmap`` returns the levels; ``cls_token`` returns the class token (N, C) alone, for
            image classification. The patch tokens never read the class token, so for ``featmap`` it is not
            computed and its parameters are kept as they are.
        drop_path_rate: stochastic depth of every FAN block.
        frozen_stages: how much keeps its weights and stays in evaluation mode: −1 nothing, 0 the first
            convolution, 1 to 4 everything that leads to that level.
        with_cp: recompute activations in the backward pass to save memory.
        init_cfg: MMEngine's, e.g. ``dict(type='Pretrained', checkpoint=FILE)``.

    Raises:
        ValueError: for arguments that cannot be, by name.
    """

    # width, FAN blocks, heads, ConvNeXt depths, the block tapped for level 3 (counted from 0)
    variants: dict[str, dict[str, Any]] = dict(
        tiny=dict(width=192, depth=8, num_heads=8, stem_depths=(3, 3), tap=7),
        small=dict(width=384, depth=10, num_heads=8, stem_depths=(3, 3), tap=9),
        base=dict(width=448, depth=16, num_heads=8, stem_depths=(3, 3), tap=15),
        large=dict(width=480, depth=22, num_heads=10, stem_depths=(3, 5), tap=18))
    strides = (4, 8, 16, 16)  # of the levels
    pixels_at_once = 512 * 128  # in the stem, in inference on the CPU: buffers of 8 MB

    def __init__(self, arch: str | dict[str, Any] = 'small', out_indices: Sequence[int] = (0, 1, 2, 3),
                 out_type: str = 'featmap', drop_path_rate: float = 0.3, frozen_stages: int = -1,
                 with_cp: bool = False, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        variant = self._variant(arch)
        self._check_arguments(out_indices, out_type, frozen_stages)
        width, num_heads = variant['width'], variant['num_heads']
        self.arch = arch
        self.out_indices = tuple(out_indices)
        self.out_type = out_type
        self.frozen_stages = frozen_stages
        self.with_cp = with_cp
        self.tap = variant['tap']

        self.stem = ConvNeXtStem(variant['stem_depths'])
        self.patch_embed = nn.Conv2d(ConvNeXtStem.widths[-1], width, 2, stride=2)
        self.position = FourierPosition(width)
        self.blocks = nn.ModuleList(
            FANBlock(width, num_heads, drop_path_rate) for _ in range(variant['depth']))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.cls_blocks = nn.ModuleList(ClassAttentionBlock(width, num_heads) for _ in range(2))
        self._freeze()

    @classmethod
    def _variant(cls, arch: str | dict[str, Any]) -> dict[str, Any]:
        """The numbers of an architecture."""
        if isinstance(arch, str):
            if arch not in cls.variants:
                raise ValueError(
                    f'FAN has no arch {arch!r}; choose one of {", ".join(cls.variants)}, or give a dict of '
                    f'{", ".join(cls.variants["small"])}')
            return cls.variants[arch]
        wanted = set(cls.variants['small'])
        if set(arch) != wanted:
            raise ValueError(
                f'arch of FAN has the keys {", ".join(sorted(arch))}; give {", ".join(sorted(wanted))}')
        if arch['width'] % arch['num_heads'] or arch['tap'] not in range(arch['depth']):
            raise ValueError(
                f'arch {dict(arch)} of FAN: width has to be a multiple of num_heads, and tap one of the '
                f'blocks, 0 to {arch["depth"] - 1}')
        return arch

    @staticmethod
    def _check_arguments(out_indices: Sequence[int], out_type: str, frozen_stages: int) -> None:
        if not out_indices or any(index not in range(4) for index in out_indices):
            raise ValueError(f'out_indices {tuple(out_indices)} of FAN: give one or more of 0, 1, 2, 3')
        if out_type not in ('featmap', 'cls_token'):
            raise ValueError(f"out_type {out_type!r} of FAN: use 'featmap' or 'cls_token'")
        if frozen_stages not in range(-1, 5):
            raise ValueError(f'frozen_stages {frozen_stages!r} of FAN: use -1 (nothing) to 4 (all)')

    def init_weights(self) -> None:
        """Truncated normal weights of σ 0.02, as ConvNeXt and FAN are trained from, then ``init_cfg``."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        trunc_normal_(self.cls_token, std=0.02)
        super().init_weights()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The levels of images.

        Args:
            images: (N, 3, H, W), H and W multiples of 16.

        Returns:
            the levels of ``out_indices``, each (N, C, h, w), or the class token (N, C).

        Raises:
            ValueError: when H or W is not a multiple of 16.
        """
        height, width = images.shape[-2:]
        if height % self.strides[-1] or width % self.strides[-1] or not height or not width:
            raise ValueError(
                f'FAN takes heights and widths that are multiples of {self.strides[-1]}; the laid-out image '
                f'is {height}×{width} (height×width). Change the size of the lightings.')
        images = images.contiguous(memory_format=torch.channels_last)
        levels = dict(enumerate(self._run_stem(images)))
        if self.out_type == 'featmap' and max(self.out_indices) < 2:
            return tuple(levels[index] for index in self.out_indices)

        grid = self.position(self.patch_embed(levels[1]))
        grid_size = grid.shape[-2:]
        tokens = grid.flatten(2).transpose(1, 2)
        for number, block in enumerate(self.blocks):
            tokens = self._run(block, tokens, grid_size)
            if number == self.tap:
                levels[2] = self._as_map(tokens, grid_size)
                if self.out_type == 'featmap' and max(self.out_indices) == 2:
                    break
        if self.out_type == 'cls_token':
            return (self._class_token(tokens), )
        if 3 in self.out_indices:
            for block in self.cls_blocks:
                tokens = block.forward_patches(tokens)
            levels[3] = self._as_map(tokens, grid_size)
        return tuple(levels[index] for index in self.out_indices)

    def _run_stem(self, images: Tensor) -> Sequence[Tensor]:
        """The two levels of the stem; in inference on the CPU a few images at a time.

        The stem's largest activations are a hundred times its input. As small buffers they are used over and
        over; as large ones the system hands them out anew each time, page by page, which costs as much as the
        arithmetic.
        """
        count = max(1, self.pixels_at_once // images[0, 0].numel())
        if not _infers_eagerly() or images.device.type != 'cpu' or len(images) <= count:
            return self._run(self.stem, images)
        return [torch.cat(level) for level in zip(*map(self.stem, images.split(count)), strict=True)]

    def _class_token(self, tokens: Tensor) -> Tensor:
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        for block in self.cls_blocks:
            tokens = block(tokens)
        return tokens[:, 0]

    @staticmethod
    def _as_map(tokens: Tensor, grid_size: Sequence[int]) -> Tensor:
        return tokens.transpose(1, 2).unflatten(-1, grid_size)

    def _run(self, module: nn.Module, *inputs: Any) -> Any:
        if not (self.with_cp and self.training and torch.is_grad_enabled()):
            return module(*inputs)
        return checkpoint(module, *inputs, use_reentrant=False,
                          context_fn=lambda: (nullcontext(), _batch_norm_statistics_kept(module)))

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer number of a parameter and the number of layers, for mmpretrain's layer-wise learning-rate
        decay.

        The stem is layer 0, the embedding of its tokens 1, the FAN blocks follow, then the class-attention
        blocks with the class token; everything else learns at the full rate.
        """
        first_block, depth = 2, len(self.blocks)
        num_layers = first_block + depth + len(self.cls_blocks) + 1
        first, *rest = param_name.removeprefix(prefix).split('.') if param_name.startswith(prefix) else ('', )
        numbers = dict(stem=0, patch_embed=1, position=1, cls_token=first_block + depth)
        if first == 'blocks':
            return first_block + int(rest[0]), num_layers
        if first == 'cls_blocks':
            return first_block + depth + int(rest[0]), num_layers
        return numbers.get(first, num_layers - 1), num_layers

    def train(self, mode: bool = True) -> FAN:
        """Training or evaluation mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for part in self._parts()[:self.frozen_stages + 1]:
            for module in part:
                module.eval() if isinstance(module, nn.Module) else None
        return self

    def _parts(self) -> tuple[tuple[Any, ...], ...]:
        """What leads from each level to the next, the first convolution first."""
        tapped = self.tap + 1
        return ((self.stem.patchify, ), (self.stem.stage1, ), (self.stem.downsample, self.stem.stage2),
                (self.patch_embed, self.position, *self.blocks[:tapped]),
                (*self.blocks[tapped:], self.cls_token, *self.cls_blocks))

    def _freeze(self) -> None:
        for part in self._parts()[:self.frozen_stages + 1]:
            for item in part:
                item.requires_grad_(False)
        if self.out_type == 'featmap':
            self.cls_token.requires_grad_(False)
            for block in self.cls_blocks:
                for unread in (block.attention, block.mlp, block.gamma2):
                    unread.requires_grad_(False)


def _infers_eagerly() -> bool:
    """Nobody will ask for gradients or for a graph of what is computed."""
    return not (torch.is_grad_enabled() or torch.jit.is_tracing() or torch.compiler.is_compiling())


@contextmanager
def _batch_norm_statistics_kept(module: nn.Module) -> Iterator[None]:
    """While activations are computed a second time, running statistics must not move a second time."""
    norms: list[Any] = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]
    kept = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, num_batches) in zip(norms, kept, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(num_batches)
