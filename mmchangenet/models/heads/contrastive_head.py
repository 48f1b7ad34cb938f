"""Head of the Euclidean architecture: the distance is the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample

from .base_change_head import BaseChangeHead


@MODELS.register_module()
class ContrastiveHead(BaseChangeHead):
    """Contrastive loss on distances.

    Args:
        in_shape: filled in by ``SiameseClassifier``; the neck must give one distance per pair.
        margin: the distance threshold, the operating point: a pair farther apart is called FAIL.
        loss: the loss's config; its own ``margin`` is another thing, the distance that training pushes
            defects to.
        num_classes: two; a distance cannot tell more.
        init_cfg: MMEngine's.

    Raises:
        ValueError: for more than two classes, a neck that gives more than a distance, or a loss that does not
            take distances.
    """

    def __init__(self, in_shape: Sequence[int], margin: float = 1.0, loss: dict[str, Any] | None = None,
                 num_classes: int = 2, init_cfg: dict[str, Any] | None = None) -> None:
        if num_classes != 2:
            raise ValueError(
                f'ContrastiveHead tells PASS from FAIL by a distance, so num_classes {num_classes} cannot '
                'work. Use LearnableDifference with ChangeClsHead for more than two classes.')
        if tuple(in_shape):
            raise ValueError(
                f'ContrastiveHead takes one distance per pair, but the neck gives {tuple(in_shape)} values. '
                'Use it with EuclideanDifference.')
        super().__init__(margin, loss or dict(type='mmchangenet.ContrastiveLoss'), init_cfg)
        self.check_loss(())

    def forward(self, comparison: Tensor) -> Tensor:
        """Distances (N,) → the same."""
        return comparison

    def scores(self, output: Tensor) -> Tensor:
        """Distances (N,) → the same."""
        return output

    def targets(self, data_samples: Sequence[ChangeDataSample]) -> list[int]:
        """1 for FAIL, 0 for PASS, −1 without a label."""
        return [sample.get('gt_fail', -1) for sample in data_samples]
