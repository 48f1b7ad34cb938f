"""What every difference neck is: one half for each side alone, one that compares."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor


class BaseDifference(BaseModule, metaclass=ABCMeta):
    """Compares what the backbone says of the two sides.

    ``SiameseClassifier`` builds a neck with ``in_shapes``, the shape of each backbone level without the
    batch, finest first: ``(C, H, W)`` of a map, ``(C, )`` of a vector. It calls ``encode`` on each side and
    ``compare`` on the two codes, and gives ``out_shape`` to the head. A golden side is encoded once and
    compared many times, so whatever needs one side only belongs into ``encode``.

    Args:
        init_cfg: MMEngine's.

    Attributes:
        out_shape: shape of what ``compare`` returns, without the batch; empty for one number per pair.

    Example:
        >>> import torch
        >>> from mmchangenet.models import BaseDifference
        >>> from mmchangenet.registry import MODELS
        >>> @MODELS.register_module(force=True)
        ... class LargestDifference(BaseDifference):
        ...     '''The largest difference of the coarsest level, one number per pair.'''
        ...     out_shape = ()
        ...
        ...     def __init__(self, in_shapes, init_cfg=None):
        ...         super().__init__(init_cfg)
        ...
        ...     def encode(self, features):
        ...         return features[-1].flatten(1)
        ...
        ...     def compare(self, compare, golden):
        ...         return (compare - golden).abs().amax(dim=1)
        >>> neck = MODELS.build(dict(type='LargestDifference', in_shapes=[(8, 4, 4)]))
        >>> compare, golden = (neck.encode((torch.full((2, 8, 4, 4), value), )) for value in (3., 1.))
        >>> neck.compare(compare, golden)
        tensor([2., 2.])
    """

    out_shape: tuple[int, ...]

    def __init__(self, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)

    @abstractmethod
    def encode(self, features: Sequence[Tensor]) -> Any:
        """Levels of one side, each (N, C, H, W) or (N, C), finest first → its code: a tensor, or a nest of
        tuples, lists and dicts of tensors, whose first dimension is N.
        """

    @abstractmethod
    def compare(self, compare: Any, golden: Any) -> Tensor:
        """Two codes of N sides → (N, *out_shape)."""
