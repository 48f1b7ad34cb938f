"""Cross-entropy whose weighted mean is torch's: divided by the sum of the rows' weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmchangenet.registry import MODELS


@MODELS.register_module()
class WeightedCrossEntropy(nn.Module):
    """Cross-entropy with class weights.

    mmpretrain's loss divides the weighted sum by the number of rows, the reference's by the sum of their
    weights.

    Args:
        class_weight: a weight per class, PASS first.

    Raises:
        ValueError: for a single number, or weights below 0.
    """

    def __init__(self, class_weight: Sequence[float] | None = None) -> None:
        super().__init__()
        if class_weight is not None and np.ndim(class_weight) != 1:
            raise ValueError(
                f'class_weight {class_weight!r} of WeightedCrossEntropy: give a list, one weight per class, '
                f'PASS first, such as [1.0, 10.0]')
        if class_weight is not None and not all(weight >= 0 for weight in class_weight):
            raise ValueError(f'class_weight {list(class_weight)}: weights cannot be negative')
        self.class_weight = class_weight

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (N, classes) and class numbers (N,) → a scalar."""
        return F.cross_entropy(logits, target, weight=self._weight(logits))

    def per_row(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss without its weight, and the weight, of each row, both (N,)."""
        loss = F.cross_entropy(logits, target, reduction='none')
        weight = self._weight(logits)
        return loss, torch.ones_like(loss) if weight is None else weight[target]

    def _weight(self, logits: Tensor) -> Tensor | None:
        return None if self.class_weight is None else logits.new_tensor(self.class_weight)
