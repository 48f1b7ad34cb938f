"""ViT-Adapter: a convolutional pyramid beside a plain vision transformer, the two exchanging features four times.

Chen et al., "Vision Transformer Adapter for Dense Predictions", ICLR 2023 (arXiv 2205.08534). Written from a description of
what the published networks compute, so that their weights give the same features.
"""

from itertools import pairwise

import torch
from timm.layers import DropPath, LayerScale
from torch import nn
from torch.nn import functional as F

from mmchangenet.registry import MODELS

from .deformable_attention import DeformableAttention, pixel_centres
from .vit_trunk import LayerNorm, ViTTrunk, as_map, size_of


class SpatialPrior(nn.Module):
    """A small convolutional pyramid: (N, 3, H, W) → maps of the strides 4, 8, 16 and 32, all C channels wide."""

    def __init__(self, width, base=56):
        super().__init__()
        self.stem = nn.Sequential(
            *self._conv(3, base, stride=2), *self._conv(base, base, stride=1), *self._conv(base, base, stride=1),
            nn.MaxPool2d(3, stride=2, padding=1))
        widths = (base, 2 * base, 4 * base, 4 * base)
        self.downsample = nn.ModuleList(
            nn.Sequential(*self._conv(before, after, stride=2)) for before, after in pairwise(widths))
        self.project = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in widths)

    @staticmethod
    def _conv(before, after, stride):
        return nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()

    def forward(self, images):
        level = self.stem(images)
        levels = [level]
        for downsample in self.downsample:
            level = downsample(level)
            levels.append(level)
        return [project(level) for project, level in zip(self.project, levels, strict=True)]


class ConvFFN(nn.Module):
    """Linear, a depthwise 3×3 on each level's grid, GELU, linear: pyramid tokens (N, tokens, C) → the same shape."""

    def __init__(self, width, ratio=0.25):
        super().__init__()
        hidden = int(width * ratio)
        self.fc1 = nn.Linear(width, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x, sizes):
        levels = self.fc1(x).split([height * width for height, width in sizes], dim=1)
        levels = [self.depthwise(as_map(level, size)).flatten(2).transpose(1, 2)
                  for level, size in zip(levels, sizes, strict=True)]
        return self.fc2(F.gelu(torch.cat(levels, dim=1)))


class Injector(nn.Module):
    """The patch tokens read the pyramid."""

    def __init__(self, width, num_heads, num_levels=3):
        super().__init__()
        self.query_norm = LayerNorm(width)
        self.feature_norm = LayerNorm(width)
        self.attention = DeformableAttention(width, num_heads, num_levels)
        self.scale = LayerScale(width, init_values=1e-5)

    def forward(self, patches, pyramid, grid_size, sizes):
        places = pixel_centres([grid_size], patches.device)
        return patches + self.scale(self.attention(self.query_norm(patches), places, self.feature_norm(pyramid), sizes))


class Extractor(nn.Module):
    """The pyramid reads the patch tokens, then passes a feed-forward network."""

    def __init__(self, width, num_heads, drop_path_rate):
        super().__init__()
        self.query_norm = LayerNorm(width)
        self.feature_norm = LayerNorm(width)
        self.attention = DeformableAttention(width, num_heads, num_levels=1)
        self.ffn_norm = LayerNorm(width)
        self.ffn = ConvFFN(width)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, pyramid, patches, grid_size, sizes):
        places = pixel_centres(sizes, pyramid.device)
        pyramid = pyramid + self.attention(self.query_norm(pyramid), places, self.feature_norm(patches), [grid_size])
        return pyramid + self.drop_path(self.ffn(self.ffn_norm(pyramid), sizes))


class Interaction(nn.Module):
    """What stands round one group of transformer blocks: an injector before, extractors after."""

    def __init__(self, width, num_heads, drop_path_rate, num_extractors):
        super().__init__()
        self.injector = Injector(width, num_heads)
        self.extractors = nn.ModuleList(Extractor(width, num_heads, drop_path_rate) for _ in range(num_extractors))


class Summary(nn.Module):
    """A 1×1 convolution over a summary vector, tiled, and a map behind it: (N, C), (N, C, H, W) → (N, C, H, W).

    The tiled half is the same everywhere, so it is computed once an image.
    """

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(2 * width, width, 1)

    def forward(self, summary, level):
        for_summary, for_level = self.conv.weight.chunk(2, dim=1)
        return F.conv2d(level, for_level) + F.linear(summary, for_summary.flatten(1), self.conv.bias)[:, :, None, None]


@MODELS.register_module()
class ViTAdapter(ViTTrunk):
    """DINOv2's transformer with patches of 16 pixels and an adapter: four levels of the strides 4, 8, 16 and 32, all C wide.

    Args:
        arch (str | dict): as of ``DINOv2``.
        img_size (int | Sequence[int]): (H, W) that the position table is made for, best the network's ``input_size``. For
            other images it is resized in every pass, bicubically.
        num_registers (int): as of ``DINOv2``.
        drop_path_rate (float): stochastic depth of the last block, rising linearly from 0, and of the adapter.
        frozen_stages (int): what of the transformer keeps its weights: −1 nothing, 0 the embedding, k also the first k
            blocks. The adapter always learns.
        with_cp (bool): recompute activations in the backward pass to save memory.
        init_cfg (dict, optional): MMEngine's; ``dict(type='Pretrained', checkpoint=FILE)`` takes public DINOv2 weights for
            the transformer.

    Raises:
        ValueError: for an unknown ``arch``, or one whose depth cannot be divided by four.
    """

    num_interactions = 4
    strides = (4, 8, 16, 32)  # of the levels

    def __init__(self, arch='nv_large', img_size=224, num_registers=0, drop_path_rate=0.4, frozen_stages=-1, with_cp=False,
                 init_cfg=None):
        super().__init__(arch, 16, img_size, num_registers, (0.0, drop_path_rate), frozen_stages, with_cp, init_cfg)
        if self.depth % self.num_interactions:
            raise ValueError(f'ViTAdapter parts the blocks into {self.num_interactions} equal groups; arch {arch!r} has '
                             f'{self.depth} blocks')
        width, last = self.width, self.num_interactions - 1
        self.norm.requires_grad_(False)  # the adapter reads the tokens before the final norm
        self.level_embed = nn.Parameter(torch.zeros(3, width))
        self.spatial_prior = SpatialPrior(width)
        self.interactions = nn.ModuleList(
            Interaction(width, self.num_heads, drop_path_rate, num_extractors=3 if number == last else 1)
            for number in range(self.num_interactions))
        self.upsample = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.summary = nn.Linear(width, width)
        self.add_summary = nn.ModuleList(Summary(width) for _ in range(4))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(4))

    def init_weights(self):
        """As the transformer's; He's for the pyramid, deformable attention as its paper."""
        for module in self.spatial_prior.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
        nn.init.normal_(self.level_embed)
        for module in self.interactions.modules():
            if isinstance(module, DeformableAttention):
                module.init_weights()
        super().init_weights()

    def forward(self, images):
        """
        Args:
            images (torch.Tensor): (N, 3, H, W), H and W multiples of 32.

        Returns:
            tuple[torch.Tensor]: four levels (N, C, H/4, W/4) to (N, C, H/32, W/32).

        Raises:
            ValueError: when H or W is not a multiple of 32.
        """
        self.check_sides(images, 32)
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
        return self._finish(levels, patch_maps, self.summary(tokens[:, 0]))

    def _interact(self, number, interaction, tokens, pyramid, grid_size, sizes):
        patches = self.run(interaction.injector, tokens[:, self.num_prefix:], pyramid, grid_size, sizes)
        tokens = torch.cat([tokens[:, :self.num_prefix], patches], dim=1)
        group = self.depth // self.num_interactions
        for block in self.blocks[number * group:(number + 1) * group]:
            tokens = self.run(block, tokens)
        for extractor in interaction.extractors:
            pyramid = self.run(extractor, pyramid, tokens[:, self.num_prefix:], grid_size, sizes)
        return tokens, pyramid

    def _finish(self, levels, patch_maps, summary):
        finished = []
        for level, patch_map, add_summary, norm in zip(levels, patch_maps, self.add_summary, self.norms, strict=True):
            if size_of(patch_map) != size_of(level):
                patch_map = F.interpolate(patch_map, size_of(level), mode='bilinear')
            finished.append(norm(add_summary(summary, level + patch_map)))
        return tuple(finished)
