"""A trained SiameseClassifier in the parts that a line runs: encoder, golden half, comparator.

    encoder      one side's images → its code
    golden half  the code of a golden side → what the comparator wants of it (only where that saves work)
    comparator   the code of a compare side, the prepared golden side → scores

Goldens are encoded and prepared once; every part is exported on its own, so a batch of one pair is a batch of one. Together
the parts compute the network's own function in fewer operations; what is folded is exact (see ``folding``).
"""

import copy
from typing import NamedTuple

import torch
from torch import nn

from mmchangenet.models.backbones import FAN
from mmchangenet.models.heads import ChangeClsHead, ContrastiveHead
from mmchangenet.models.necks import EuclideanDifference, LearnableDifference

from .fan_graph import GraphFAN
from .folding import border_bias, fold_batch_norms, matrices_of


class SplitNetwork(NamedTuple):
    """The parts of a network, in evaluation mode.

    Attributes:
        encoder (nn.Module): uint8 or float images of 0 to 255, (N, 3, H, W) → tuple of tensors, the code.
        golden_half (nn.Module | None): ``(*code)`` → tuple of tensors; None: the comparator takes the code.
        comparator (nn.Module): ``(*code, *prepared golden)`` → scores (N,), and for a ``ChangeClsHead`` of more than two
            classes also probabilities (N, classes).
    """

    encoder: nn.Module
    golden_half: nn.Module | None
    comparator: nn.Module


@torch.no_grad()
def split_network(model):
    """Split a network.

    Args:
        model (SiameseClassifier): trained, with weights; it is left as it is.

    Returns:
        SplitNetwork: for images as they come from the pipeline; normalisation is part of the encoder.

    Raises:
        TypeError: when the neck gives codes that are not tensors or tuples of tensors.
    """
    model = copy.deepcopy(model).cpu().eval()  # parts of it go on living in the result
    backbone = GraphFAN(model.backbone, model.input_size) if _is_plain_fan(model.backbone) else model.backbone
    neck, head = model.neck, model.head
    normalise = Normalise(model.data_preprocessor)
    if type(neck) is EuclideanDifference and type(head) is ContrastiveHead:
        encoder, golden_half, comparator = EmbeddingEncoder(normalise, backbone, neck), None, Distance()
    elif type(neck) is LearnableDifference and type(head) is ChangeClsHead:
        encoder = LevelEncoder(normalise, backbone, neck)
        levels = encoder(torch.zeros(1, 3, *model.input_size))
        sizes = [tuple(level.shape[-2:]) for level in levels]
        golden_half, comparator = GoldenHalf(neck, sizes), DifferenceComparator(neck, head, sizes)
    else:
        encoder, golden_half = PlainEncoder(normalise, backbone, neck), None
        comparator = PlainComparator(neck, head)
    return SplitNetwork(*(part.eval().requires_grad_(False) if part else None for part in (encoder, golden_half, comparator)))


def _is_plain_fan(backbone):
    return type(backbone) is FAN and backbone.out_type == 'featmap'


class Normalise(nn.Module):
    """(image − mean) / std as one product and one sum."""

    def __init__(self, preprocessor):
        super().__init__()
        std = preprocessor.std.double()
        self.register_buffer('factor', (1 / std).float())
        self.register_buffer('shift', (-preprocessor.mean.double() / std).float())

    def forward(self, images):
        return images.float() * self.factor + self.shift


class EmbeddingEncoder(nn.Module):
    """Images → the embedding of the Euclidean architecture."""

    def __init__(self, normalise, backbone, neck):
        super().__init__()
        self.normalise, self.backbone = normalise, backbone
        self.embed = fold_batch_norms(neck.embed)

    def forward(self, images):
        return (self.embed(self.backbone(self.normalise(images))[-1].flatten(1)), )


class Distance(nn.Module):
    """Two embeddings → their distance."""

    def forward(self, compare, golden):
        return ((compare - golden + 1e-6)**2).sum(dim=1).sqrt()


def projects_early(neck, level):
    """Whether a level is projected by the encoder. Otherwise its projection is part of the 3×3 convolution behind it,
    which pays as long as the level has no more channels than the projection."""
    return neck.project[level].in_channels > neck.embed_dim


class LevelEncoder(nn.Module):
    """Images → the levels that the learnable difference compares."""

    def __init__(self, normalise, backbone, neck):
        super().__init__()
        self.normalise, self.backbone, self.used = normalise, backbone, neck.used
        self.project = nn.ModuleList(
            neck.project[level] if projects_early(neck, level) else nn.Identity() for level in neck.used)

    def forward(self, images):
        levels = self.backbone(self.normalise(images))
        return tuple(project(levels[level]) for project, level in zip(self.project, self.used, strict=True))


def half_convolutions(neck, half):
    """One side's half of the first convolution of each difference module, its projection included, without bias.

    Args:
        neck (LearnableDifference): the neck.
        half (int): 0 compare, 1 golden.

    Returns:
        nn.ModuleList: of ``Conv2d``.
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


class GoldenHalf(nn.Module):
    """The golden half of each first convolution, with all its biases: those of projections make less at the borders."""

    def __init__(self, neck, sizes):
        super().__init__()
        self.halves = half_convolutions(neck, 1)
        for number, (level, size) in enumerate(zip(neck.used, sizes, strict=True)):
            self.register_buffer(f'bias{number}', self._bias(neck, level, size))

    @staticmethod
    def _bias(neck, level, size):
        conv = neck.difference[level][0]
        bias = conv.bias.double().view(1, -1, 1, 1).expand(1, -1, *size)
        if not projects_early(neck, level):
            both = sum(conv.weight.double().chunk(2, dim=1))
            bias = bias + border_bias(both, neck.project[level].bias, size, conv.padding)
        return bias.float()

    def forward(self, *code):
        return tuple(half(level) + getattr(self, f'bias{number}')
                     for number, (half, level) in enumerate(zip(self.halves, code, strict=True)))


class DifferenceComparator(nn.Module):
    """The difference modules and the head.

    Behind the last ReLU of the difference modules everything up to the head's first layer is affine: the sums from coarse to
    fine, the resizing, the fusion, a BatchNorm and that layer become one matrix a level.
    """

    def __init__(self, neck, head, sizes):
        super().__init__()
        self.halves = half_convolutions(neck, 0)
        self.rest = nn.ModuleList(nn.Sequential(*neck.difference[level][1:]) for level in neck.used)
        shapes = [(neck.embed_dim, *size) for size in sizes]
        merge, first = copy.deepcopy(neck).double().merge, copy.deepcopy(head.layers[0]).double()
        matrices, bias = matrices_of(lambda maps: first(merge(maps).flatten(1)), shapes, first.out_features)
        self.hidden = nn.ModuleList(nn.Linear(matrix.shape[1], matrix.shape[0], bias=False) for matrix in matrices)
        for layer, matrix in zip(self.hidden, matrices, strict=True):
            layer.weight.data = matrix
        self.bias = nn.Parameter(bias)
        self.classify = fold_batch_norms(head.layers[1:])
        self.num_classes = head.num_classes

    def forward(self, *sides):
        hidden = self.bias
        count = len(self.halves)
        steps = zip(self.halves, self.rest, self.hidden, sides[:count], sides[count:], strict=True)
        for half, rest, layer, compare, golden in steps:
            hidden = hidden + layer(rest(half(compare) + golden).flatten(1))
        return scores_of(self.classify(hidden), self.num_classes)


def scores_of(logits, num_classes):
    probabilities = logits.softmax(dim=1)
    if num_classes == 2:
        return probabilities[:, 1]
    return probabilities[:, 1:].sum(dim=1), probabilities


class PlainEncoder(nn.Module):
    """Backbone and the neck's first half, for necks and heads of other kinds."""

    def __init__(self, normalise, backbone, neck):
        super().__init__()
        self.normalise, self.backbone, self.neck = normalise, backbone, neck

    def forward(self, images):
        code = self.neck.encode(self.backbone(self.normalise(images)))
        code = (code, ) if isinstance(code, torch.Tensor) else tuple(code)
        if not all(isinstance(part, torch.Tensor) for part in code):
            raise TypeError(f'{type(self.neck).__name__}.encode gives {[type(part).__name__ for part in code]}; a network '
                            'can be split when it gives a tensor or a tuple of tensors')
        return code


class PlainComparator(nn.Module):
    """The neck's second half and the head, for necks and heads of other kinds."""

    def __init__(self, neck, head):
        super().__init__()
        self.neck, self.head = neck, head

    def forward(self, *sides):
        compare, golden = sides[:len(sides) // 2], sides[len(sides) // 2:]
        if len(compare) == 1:
            (compare, ), (golden, ) = compare, golden
        return self.head.scores(self.head(self.neck.compare(compare, golden)))
