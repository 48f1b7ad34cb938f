"""FAN as it is exported: the same function of the same weights in fewer and cheaper operators.

A graph on a CPU spends its time well in matrix products and convolutions, and badly in everything that moves
numbers between layouts. So what is exact is done beforehand, in double precision:

- Per-channel scales (gammas, the temperature of the channel attention, 1/√d of the attention, the unbiased
  variance) go into the weights beside them; q, k and v are one product.
- Channel processing runs on maps (N, C, H, W): its linear layers are 1×1 convolutions, so that biases and the
  sum of the gated branch are part of a convolution, and its softmaxes over tokens run over the last
  dimension.
- The BatchNorm before the second depthwise convolution goes into that one. At the borders, where zeros are
  padded after it, its shift makes less than inside: the difference is a map, which the following layers carry
  on to the bias of the block.
- Sizes are fixed, all but the batch: no operator computes shapes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .folding import affine_of_batch_norm, border_bias, conv_1x1, frozen_layer_norm, linear_of, scaled_output


class GraphConvNeXtBlock(nn.Module):
    """A block of the stem on channels-last maps (N, H, W, C)."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.depthwise = block.conv_dw
        self.norm = frozen_layer_norm(block.norm)
        self.fc1 = linear_of(block.mlp.fc1)
        self.fc2 = scaled_output(block.mlp.fc2, block.gamma)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        y = self.norm(self.depthwise(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return x + self.fc2(F.gelu(self.fc1(y)))


class GraphStem(nn.Module):
    """Images (N, 3, H, W) → channels-last maps of levels 1 and 2."""

    def __init__(self, stem: Any) -> None:
        super().__init__()
        self.patchify, self.first_norm = stem.patchify[0], frozen_layer_norm(stem.patchify[1].layer)
        self.stage1 = nn.Sequential(*map(GraphConvNeXtBlock, stem.stage1))
        self.second_norm, self.downsample = frozen_layer_norm(stem.downsample[0].layer), stem.downsample[1]
        self.stage2 = nn.Sequential(*map(GraphConvNeXtBlock, stem.stage2))

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        level1 = self.stage1(self.first_norm(self.patchify(images).permute(0, 2, 3, 1)))
        shrunk = self.downsample(self.second_norm(level1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return level1, self.stage2(shrunk)


class GraphTokenMixing(nn.Module):
    """Self-attention with one product for q, k and v; the gamma of its branch is in ``proj``."""

    def __init__(self, mixing: Any, gamma: Any, num_tokens: Any) -> None:
        super().__init__()
        width, heads = mixing.q.in_features, mixing.num_heads
        scale = math.sqrt(heads / width)
        query = scaled_output(mixing.q, torch.full((width, ), scale))
        self.qkv = nn.Linear(width, 3 * width)
        self.qkv.weight.data = torch.cat([query.weight, mixing.kv.weight])
        self.qkv.bias.data = torch.cat([query.bias, mixing.kv.bias])
        self.proj = scaled_output(mixing.proj, gamma)
        self.split = (-1, num_tokens, 3, heads, width // heads)
        self.joined = (-1, num_tokens, width)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        q, k, v = self.qkv(x).reshape(self.split).permute(2, 0, 3, 1, 4).unbind()
        attention = (q @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(self.joined))


class GraphChannelProcessing(nn.Module):
    """Channel attention and its MLP on a map (N, C, H, W) → (N, tokens, C), the gamma of its branch
    included.
    """

    def __init__(self, processing: Any, gamma: Any, grid_size: Any) -> None:
        super().__init__()
        width, heads = processing.q.in_features, processing.num_heads
        mlp = processing.mlp
        first, _, batch_norm, second = mlp.depthwise
        self.q, self.fc1, self.depthwise1 = conv_1x1(processing.q), conv_1x1(mlp.fc1), first
        self.depthwise2, shift = self._second_depthwise(second, batch_norm, mlp.gamma, grid_size)
        self.fc2 = conv_1x1(mlp.fc2, bias=False)
        at_place = F.conv2d(shift, mlp.fc2.weight.double()[:, :, None, None], mlp.fc2.bias.double())
        self.register_buffer('bias', at_place.flatten(2).transpose(1, 2).float())
        self.norm = frozen_layer_norm(processing.norm, scale=gamma)
        self.register_buffer('temperature', processing.temperature.detach().view(1, heads, 1, 1))
        tokens = math.prod(grid_size)
        self.by_head, self.one_row, self.as_tokens = (-1, heads, width // heads,
                                                      tokens), (-1, 1, width), (-1, width, tokens)

    @staticmethod
    def _second_depthwise(conv: Any, batch_norm: Any, gamma: Any, grid_size: Any) -> Any:
        """The second depthwise convolution after its BatchNorm and times gamma, without bias, and what is
        left: a map.
        """
        scale, shift = affine_of_batch_norm(batch_norm)
        weight = conv.weight.double() * gamma.double().view(-1, 1, 1, 1)
        rest = border_bias(weight, shift, grid_size, conv.padding, conv.groups)
        rest = rest + (conv.bias.double() * gamma.double()).view(1, -1, 1, 1)
        folded = nn.Conv2d(conv.in_channels, conv.out_channels, 3, padding=1, groups=conv.groups, bias=False)
        folded.weight.data = (weight * scale.view(-1, 1, 1, 1)).float()
        return folded, rest

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        q = self.q(x).reshape(self.by_head).softmax(dim=-1)
        k = x.reshape(self.by_head).softmax(dim=-1).mean(dim=2, keepdim=True).transpose(-2, -1)
        gate = ((q @ k).sigmoid() * self.temperature).reshape(self.one_row)
        y = self.fc1(x)
        y = self.fc2(y + self.depthwise2(F.gelu(self.depthwise1(y))))
        return self.norm(y.reshape(self.as_tokens).transpose(1, 2) + self.bias) * gate


class GraphFANBlock(nn.Module):
    """Tokens (N, tokens, C) → the same shape."""

    def __init__(self, block: Any, grid_size: Any) -> None:
        super().__init__()
        self.norm1, self.norm2 = frozen_layer_norm(block.norm1), frozen_layer_norm(block.norm2)
        self.token_mixing = GraphTokenMixing(block.token_mixing, block.gamma1, math.prod(grid_size))
        self.channel_processing = GraphChannelProcessing(block.channel_processing, block.gamma2, grid_size)
        self.as_map = (-1, *grid_size, block.gamma1.numel())

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        x = x + self.token_mixing(self.norm1(x))
        return x + self.channel_processing(self.norm2(x).reshape(self.as_map).permute(0, 3, 1, 2))


class GraphPatchNorms(nn.Module):
    """What a class-attention block does to the patch tokens."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.norm1 = frozen_layer_norm(block.norm1, scale=block.gamma1)
        self.norm2 = frozen_layer_norm(block.norm2, scale=torch.full_like(block.gamma1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        return self.norm2(x + self.norm1(x))


class GraphFAN(nn.Module):
    """A trained FAN for images of one size, returning the same levels.

    Args:
        backbone: with ``out_type='featmap'``; it is left as it is.
        input_size: (H, W) of the images.
    """

    def __init__(self, backbone: Any, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.out_indices, self.tap = backbone.out_indices, backbone.tap
        self.grid_size = tuple(side // backbone.strides[-1] for side in input_size)
        self.stem = GraphStem(backbone.stem)
        self.patch_embed = conv_without_bias(backbone.patch_embed)
        width = backbone.patch_embed.out_channels
        self.as_tokens, self.as_map = (-1, math.prod(self.grid_size), width), (-1, *self.grid_size, width)
        code = backbone.position.projection(backbone.position.table(*self.grid_size))
        code = code + backbone.patch_embed.bias.view(1, -1, 1, 1)
        self.register_buffer('position', code.flatten(2).transpose(1, 2).detach())
        deepest = max(self.out_indices)
        count = 0 if deepest < 2 else self.tap + 1 if deepest == 2 else len(backbone.blocks)
        self.blocks = nn.ModuleList(GraphFANBlock(block, self.grid_size) for block in backbone.blocks[:count])
        self.patch_norms = nn.Sequential(*map(GraphPatchNorms, backbone.cls_blocks if deepest == 3 else ()))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) → the levels of ``out_indices``, each (N, C, h, w)."""
        levels = dict(enumerate(self.stem(images)))
        if len(self.blocks):
            tokens = self.patch_embed(levels[1].permute(0, 3, 1, 2)).permute(0, 2, 3,
                                                                             1).reshape(self.as_tokens)
            tokens = tokens + self.position
            for number, block in enumerate(self.blocks):
                tokens = block(tokens)
                if number == self.tap:
                    levels[2] = tokens.reshape(self.as_map)
            levels[3] = self.patch_norms(tokens).reshape(self.as_map)
        return tuple(levels[index].permute(0, 3, 1, 2) for index in self.out_indices)


def conv_without_bias(conv: Any) -> Any:
    """The same convolution without its bias."""
    bare = nn.Conv2d(conv.in_channels,
                     conv.out_channels,
                     conv.kernel_size,
                     conv.stride,
                     conv.padding,
                     bias=False)
    bare.weight.data = conv.weight.detach().clone()
    return bare
