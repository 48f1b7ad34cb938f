"""Golden against compare: one backbone for both sides, a difference neck, a head."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmpretrain.models.classifiers import BaseClassifier
from torch import Tensor
from torch.utils import _pytree as pytree

from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample

from ..heads import BaseChangeHead
from ..necks import BaseDifference

Inputs = dict[str, Tensor]  # the sides, compare and golden


@MODELS.register_module()
class SiameseClassifier(BaseClassifier):
    """The Visual ChangeNet classification network, with any backbone.

    The neck's and the head's sizes follow from the backbone and ``input_size``: one blank image is passed
    through when the network is built.

    Args:
        backbone: turns (N, 3, H, W) into a tuple of feature maps, finest first. A timm model whose maps have
            the channels last is taken as well.
        neck: a ``BaseDifference``, with ``encode(features)`` for one side and ``compare(code, code)``.
        head: a ``BaseChangeHead``, which turns what ``compare`` returns into a loss and a score.
        input_size: (H, W) of the laid-out image, all lightings of a side.
        data_preprocessor: defaults to ``PairDataPreprocessor`` with ImageNet's mean and std.
        init_cfg: MMEngine's.

    Raises:
        ValueError: when the backbone cannot take ``input_size``, or its levels do not fit the neck.
        TypeError: when the neck or the head is of another kind.
    """

    def __init__(self, backbone: dict[str, Any], neck: dict[str, Any], head: dict[str, Any],
                 input_size: Sequence[int], data_preprocessor: dict[str, Any] | None = None,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg=init_cfg, data_preprocessor=data_preprocessor
                         or dict(type='mmchangenet.PairDataPreprocessor'))
        _check_kind(neck, 'neck', BaseDifference, 'EuclideanDifference and LearnableDifference')
        _check_kind(head, 'head', BaseChangeHead, 'ContrastiveHead and ChangeClsHead')
        self.input_size = tuple(input_size)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(dict(neck, in_shapes=self._feature_shapes()))
        self.head = MODELS.build(dict(head, in_shape=self.neck.out_shape))

    @torch.no_grad()
    def _feature_shapes(self) -> list[tuple[int, ...]]:
        """The shape of each backbone level without the batch, for an image of ``input_size``."""
        training = self.backbone.training
        self.backbone.eval()
        try:
            features = self.features(torch.zeros(1, 3, *self.input_size))
        except (AssertionError, RuntimeError) as error:
            raise ValueError(
                f'{type(self.backbone).__name__} cannot take an image of '
                f'{self.input_size[0]}×{self.input_size[1]} (height×width, all lightings laid out): '
                f'{error}\nChange model.input_size and the size of the '
                'lightings, or the backbone\'s own settings.') from error
        self.backbone.train(training)
        return [tuple(level.shape[1:]) for level in features]

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (N, 3, H, W) → the backbone's levels, finest first; maps are (N, C, H, W).

        A level of several vectors, such as DeiT's class and distillation token, becomes one; an absent one
        (the auxiliary output of Inception) is left out.
        """
        levels = self.backbone(images)
        levels = (levels, ) if isinstance(levels, Tensor) else levels
        levels = tuple(level if isinstance(level, Tensor) else torch.cat(level, dim=1)
                       for level in levels if level is not None)
        if getattr(getattr(self.backbone, 'timm_model', None), 'output_fmt', 'NCHW') == 'NHWC':
            levels = tuple(level.permute(0, 3, 1, 2) if level.dim() == 4 else level for level in levels)
        return levels

    def encode(self, images: Tensor) -> Any:
        """One side's images, normalised, (N, 3, H, W) → its code, as the neck's ``encode`` makes it.

        Raises:
            ValueError: when the images are not of ``input_size``.
        """
        if tuple(images.shape[-2:]) != self.input_size:
            raise ValueError(
                f'the network is built for images of {self.input_size} (height, width, all lightings laid '
                f'out), but got {tuple(images.shape[-2:])}. Set model.input_size, or the '
                'size and layout of the pipeline.')
        return self.neck.encode(self.features(images))

    def compare(self, compare: Any, golden: Any) -> Tensor:
        """Two codes of N images → the head's raw output: distances (N,) or logits (N, num_classes)."""
        return self.head(self.neck.compare(compare, golden))

    def extract_feat(self, inputs: Inputs | Tensor) -> Tensor:
        """``dict(compare=(N, 3, H, W), golden=(N, 3, H, W))`` → what the neck's ``compare`` returns.

        One tensor (N, 3, H, W) stands for both sides, for tools that count operations by the shape of an
        image. With G goldens per part, ``golden`` is (N, G, 3, H, W) and the answer is that of N·G pairs, a
        part's goldens one after the other. All images pass the backbone as one batch.
        """
        inputs = _both_sides(inputs)
        compare, golden = inputs['compare'], inputs['golden']
        if golden.dim() == 4:
            return self.neck.compare(*split_sides(self.encode(torch.cat([compare, golden]))))
        code = self.encode(torch.cat([compare[:, None], golden], dim=1).flatten(0, 1))
        return self.neck.compare(*pair_with_each(code, golden.shape[1]))

    def forward(self, inputs: Inputs | Tensor, data_samples: Sequence[ChangeDataSample] | None = None,
                mode: str = 'tensor') -> Tensor | dict[str, Tensor] | Sequence[ChangeDataSample]:
        """What the mode asks for.

        Args:
            inputs: ``compare`` and ``golden``, each (N, 3, H, W), normalised. With G goldens per part
                ``golden`` is (N, G, 3, H, W); the part is compared with each of them, and the golden with the
                lowest score counts. One tensor stands for both sides, as in ``extract_feat``.
            data_samples: N samples; needed for ``loss``.
            mode: ``tensor``, ``loss`` or ``predict``.

        Returns:
            distances (N,) or logits (N, num_classes); a dict of losses; or the samples with their scores.
        """
        inputs = _both_sides(inputs)
        comparison = self.extract_feat(inputs)
        num_golden = inputs['golden'].shape[1] if inputs['golden'].dim() == 5 else 1
        if mode == 'tensor':
            return self.head.closest(comparison, num_golden)
        if mode == 'loss':
            return self.head.loss(comparison, data_samples, num_golden)
        if mode == 'predict':
            return self.head.predict(comparison, data_samples
                                     or [ChangeDataSample() for _ in inputs['compare']], num_golden)
        raise ValueError(f"mode {mode!r} of SiameseClassifier: use 'tensor', 'loss' or 'predict'")

    def get_layer_depth(self, param_name: str) -> tuple[int, int]:
        """Layer number of a parameter and the number of layers, as mmpretrain's layer-wise learning-rate
        decay asks for.

        Raises:
            NotImplementedError: when the backbone does not number its layers.
        """
        if not hasattr(self.backbone, 'get_layer_depth'):
            raise NotImplementedError(
                f'{type(self.backbone).__name__} has no get_layer_depth, which layer-wise learning-rate '
                'decay needs. Use another backbone, or paramwise_cfg.custom_keys.')
        return self.backbone.get_layer_depth(param_name, 'backbone.')


def split_sides(code: Any) -> Iterator[Any]:
    """The halves of a code along the batch: two codes of its structure."""
    parts, structure = pytree.tree_flatten(code)
    return (pytree.tree_unflatten(half, structure)
            for half in zip(*(part.chunk(2) for part in parts), strict=True))


def pair_with_each(code: Any, num_golden: int) -> tuple[Any, Any]:
    """The code of N · (1 + G) images, each part's compare image before its G goldens → the sides of N · G
    pairs.
    """
    parts, structure = pytree.tree_flatten(code)
    parts = [part.unflatten(0, (-1, 1 + num_golden)) for part in parts]
    golden = [part[:, 1:] for part in parts]
    compare = [part[:, :1].expand_as(other) for part, other in zip(parts, golden, strict=True)]
    first, second = ([part.flatten(0, 1) for part in side] for side in (compare, golden))
    return pytree.tree_unflatten(first, structure), pytree.tree_unflatten(second, structure)


def _both_sides(inputs: Inputs | Tensor) -> Inputs:
    return dict(compare=inputs, golden=inputs) if isinstance(inputs, Tensor) else inputs


def _check_kind(config: dict[str, Any], part: str, contract: type, ours: str) -> None:
    """Raise a TypeError when a config's type does not keep the contract of a neck or a head."""
    kind = config.get('type')
    found = MODELS.get(kind) if isinstance(kind, str) else kind  # an unknown name is the registry's to refuse
    if inspect.isclass(found) and not issubclass(found, contract):
        raise TypeError(
            f'model.{part} of SiameseClassifier cannot be {kind}: {found.__name__} is no '
            f'{contract.__name__}. Take one of {ours}, or derive yours from '
            f'mmchangenet.models.{contract.__name__}')
