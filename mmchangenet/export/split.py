"""A trained SiameseClassifier in the parts that a line runs: encoder, golden half, comparator.

    encoder      one side's images → its code
    golden half  the code of a golden side → what the comparator wants of it (only where that saves work)
    comparator   the code of a compare side, the prepared golden side → scores

The parts are the network's own ``encode`` and ``compare``. Goldens are encoded and prepared once; every part
is exported on its own, so a batch of one pair is a batch of one. What makes it fast stands behind that path:
``fast_form`` replaces the modules that it recognises by ones that compute the same in fewer operations.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from mmchangenet.models import SiameseClassifier
from mmchangenet.models.backbones import FAN
from mmchangenet.models.heads import ChangeClsHead, ContrastiveHead
from mmchangenet.models.necks import EuclideanDifference, LearnableDifference

from .fan_graph import GraphFAN
from .graph_difference import GraphClsHead, GraphDifference, GraphDistance


class SplitNetwork(NamedTuple):
    """The parts of a network, in evaluation mode.

    Attributes:
        encoder: uint8 or float images of 0 to 255, (N, 3, H, W) → tuple of tensors, the code.
        golden_half: ``(*code)`` → tuple of tensors; None: the comparator takes the code.
        comparator: ``(*code, *prepared golden)`` → scores (N,), and for a head of more than two classes also
            probabilities (N, classes).
    """

    encoder: Encoder
    golden_half: GoldenHalf | None
    comparator: Comparator


@torch.no_grad()
def split_network(model: SiameseClassifier) -> SplitNetwork:
    """Split a network.

    Args:
        model: trained, with weights; it is left as it is.

    Returns:
        parts for images as they come from the pipeline; normalisation is part of the encoder.

    Raises:
        TypeError: when the neck gives codes that are not made of tensors.
    """
    network = fast_form(model)
    encoder = Encoder(network)
    code = network.encode(torch.zeros(2, 3, *network.input_size))
    parts, structure = pytree.tree_flatten(code)
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        raise TypeError(
            f'{type(network.neck).__name__}.encode gives {[type(part).__name__ for part in parts]}; a '
            'network can be exported when it gives a tensor, or tuples of tensors')
    golden_half = GoldenHalf(network.neck, structure) if hasattr(network.neck, 'prepare_golden') else None
    comparator = Comparator(network, structure)
    for module in (encoder, golden_half, comparator):
        if module is not None:
            module.eval().requires_grad_(False)
    return SplitNetwork(encoder, golden_half, comparator)


def fast_form(model: SiameseClassifier) -> SiameseClassifier:
    """A copy on the CPU, in evaluation mode, that computes the same in fewer operations.

    Modules of exactly these kinds are replaced, others are taken as they are.
    """
    network = copy.deepcopy(model).cpu().eval()
    neck, head = network.neck, network.head
    if type(network.backbone) is FAN and network.backbone.out_type == 'featmap':
        network.backbone = GraphFAN(network.backbone, network.input_size)
    if type(neck) is EuclideanDifference and type(head) is ContrastiveHead:
        network.neck = GraphDistance(neck)
    elif type(neck) is LearnableDifference and type(head) is ChangeClsHead:
        network.neck, network.head = GraphDifference(neck, head.layers[0]), GraphClsHead(head)
    return network.eval()


class Encoder(nn.Module):
    """Images → the code of a side."""

    def __init__(self, network: SiameseClassifier) -> None:
        super().__init__()
        self.normalise, self.network = Normalise(network.data_preprocessor), network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """As the class says."""
        return tuple(pytree.tree_leaves(self.network.encode(self.normalise(images))))


class GoldenHalf(nn.Module):
    """The code of a golden side → what the neck's ``compare`` wants of it."""

    def __init__(self, neck: nn.Module, structure: pytree.TreeSpec) -> None:
        super().__init__()
        self.neck, self.structure = neck, structure

    def forward(self, *code: Tensor) -> tuple[Tensor, ...]:
        """As the class says."""
        return tuple(pytree.tree_leaves(self.neck.prepare_golden(pytree.tree_unflatten(code,
                                                                                       self.structure))))


class Comparator(nn.Module):
    """Both sides' codes → scores, and probabilities where there are more than two classes."""

    def __init__(self, network: SiameseClassifier, structure: pytree.TreeSpec) -> None:
        super().__init__()
        self.network, self.structure = network, structure

    def forward(self, *sides: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """As the class says."""
        count = len(sides) // 2
        compare, golden = (pytree.tree_unflatten(side, self.structure)
                           for side in (sides[:count], sides[count:]))
        raw = self.network.compare(compare, golden)
        scores = self.network.head.scores(raw)
        return scores if self.network.head.num_classes == 2 else (scores, raw.softmax(dim=1))


class Normalise(nn.Module):
    """(image − mean) / std as one product and one sum, after the preprocessor's exchange of channels if it
    has one.
    """

    def __init__(self, preprocessor: Any) -> None:
        super().__init__()
        std = preprocessor.std.double()
        self.exchange = preprocessor.to_rgb
        self.register_buffer('factor', (1 / std).float())
        self.register_buffer('shift', (-preprocessor.mean.double() / std).float())

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        images = images.float()
        return (images.flip(1) if self.exchange else images) * self.factor + self.shift
