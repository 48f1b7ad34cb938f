"""The difference necks and heads as they are exported: the same functions of the same weights in fewer
operators.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmchangenet.models.heads import ChangeClsHead
from mmchangenet.models.necks import EuclideanDifference, LearnableDifference

from .folding import border_bias, fold_batch_norms, matrices_of


class GraphDistance(nn.Module):
    """``EuclideanDifference`` without its BatchNorms."""

    def __init__(self, neck: EuclideanDifference) -> None:
        super().__init__()
        self.embed = fold_batch_norms(neck.embed)

    def encode(self, features: Sequence[Tensor]) -> Tensor:
        """As ``EuclideanDifference``."""
        return self.embed(features[-1].flatten(1))

    def compare(self, compare: Tensor, golden: Tensor) -> Tensor:
        """As ``EuclideanDifference``."""
        return ((compare - golden + 1e-6)**2).sum(dim=1).sqrt()


class GraphDifference(nn.Module):
    """``LearnableDifference`` and the first layer of a ``ChangeClsHead`` behind it.

    The first convolution of a difference module takes both sides: its golden half is computed once for a
    golden side. Behind the last ReLU of the difference modules everything up to the head's first layer is
    affine: the sums from coarse to fine, the resizing, the fusion, a BatchNorm and that layer become one
    matrix per level.

    Args:
        neck: trained; it is left as it is.
        first: the head's first layer.
    """

    def __init__(self, neck: LearnableDifference, first: nn.Linear) -> None:
        super().__init__()
        self.used = neck.used
        self.project = nn.ModuleList(
            neck.project[level] if projects_early(neck, level) else nn.Identity() for level in neck.used)
        self.compare_halves, self.golden_halves = half_convolutions(neck, 0), half_convolutions(neck, 1)
        sizes = [neck.in_shapes[level][1:] for level in neck.used]
        for number, (level, size) in enumerate(zip(neck.used, sizes, strict=True)):
            self.register_buffer(f'golden_bias{number}', golden_bias(neck, level, size))
        self.rest = nn.ModuleList(nn.Sequential(*neck.difference[level][1:]) for level in neck.used)
        merge, first = copy.deepcopy(neck).double().merge, copy.deepcopy(first).double()
        matrices, bias = matrices_of(lambda maps: first(merge(maps).flatten(1)),
                                     [(neck.embed_dim, *size) for size in sizes], first.out_features)
        self.hidden = nn.ModuleList(
            nn.Linear(matrix.shape[1], matrix.shape[0], bias=False) for matrix in matrices)
        for layer, matrix in zip(self.hidden, matrices, strict=True):
            layer.weight.data = matrix
        self.bias = nn.Parameter(bias)

    def encode(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Levels of one side → the used ones, projected where that is cheaper now than later."""
        return tuple(project(features[level]) for project, level in zip(self.project, self.used, strict=True))

    def prepare_golden(self, code: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The golden half of each first convolution, with all its biases: those of projections make less at
        the borders.
        """
        return tuple(half(level) + getattr(self, f'golden_bias{number}')
                     for number, (half, level) in enumerate(zip(self.golden_halves, code, strict=True)))

    def compare(self, compare: tuple[Tensor, ...], golden: tuple[Tensor, ...]) -> Tensor:
        """The code of a compare side, a prepared golden side → the head's first layer (N, embed_dec)."""
        hidden = self.bias
        for half, rest, layer, one, other in zip(self.compare_halves,
                                                 self.rest,
                                                 self.hidden,
                                                 compare,
                                                 golden,
                                                 strict=True):
            hidden = hidden + layer(rest(half(one) + other).flatten(1))
        return hidden


class GraphClsHead(nn.Module):
    """A ``ChangeClsHead`` behind its first layer, without BatchNorms."""

    def __init__(self, head: ChangeClsHead) -> None:
        super().__init__()
        self.classify = fold_batch_norms(head.layers[1:])
        self.num_classes, self.scores = head.num_classes, head.scores

    def forward(self, hidden: Tensor) -> Tensor:
        """As the class says."""
        return self.classify(hidden)


def projects_early(neck: LearnableDifference, level: int) -> bool:
    """Whether a level is projected by ``encode``. Otherwise its projection is part of the 3×3 convolution
    behind it, which pays as long as the level has no more channels than the projection.
    """
    return neck.project[level].in_channels > neck.embed_dim


def half_convolutions(neck: LearnableDifference, half: int) -> nn.ModuleList:
    """One side's half of the first convolution of each difference module, its projection included, without
    bias.

    Args:
        neck: the neck.
        half: 0 compare, 1 golden.
    """
    halves = nn.ModuleList()
    for level in neck.used:
        weight = neck.difference[level][0].weight.double().chunk(2, dim=1)[half]
        if not projects_early(neck, level):
            weight = torch.einsum('omhw,mi->oihw', weight, neck.project[level].weight.double()[:, :, 0, 0])
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, bias=False)
        conv.weight.data = weight.float()
        halves.append(conv)
    return halves


def golden_bias(neck: LearnableDifference, level: int, size: Sequence[int]) -> Tensor:
    """What the biases of both sides make of a level: a map (1, embed_dim, *size)."""
    conv = neck.difference[level][0]
    bias = conv.bias.double().view(1, -1, 1, 1).expand(1, -1, *size)
    if not projects_early(neck, level):
        both = sum(conv.weight.double().chunk(2, dim=1))
        bias = bias + border_bias(both, neck.project[level].bias, size, conv.padding)
    return bias.float()
