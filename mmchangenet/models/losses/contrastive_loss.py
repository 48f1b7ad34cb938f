"""Contrastive loss on distances: Hadsell, Chopra, LeCun, CVPR 2006, equation 4."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmchangenet.registry import MODELS


@MODELS.register_module()
class ContrastiveLoss(nn.Module):
    """Mean of (1 − y)·d² + y·max(0, margin − d)².

    Args:
        margin: the distance that training pushes defects to; the threshold of verdicts is the head's.
    """

    def __init__(self, margin: float = 2.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, distance: Tensor, target: Tensor) -> Tensor:
        """Distances (N,) and targets (N,), 0 for PASS and 1 for FAIL → a scalar."""
        return self.per_row(distance, target)[0].mean()

    def per_row(self, distance: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the weight of each row, both (N,)."""
        loss = torch.where(target > 0, (self.margin - distance).clamp(min=0), distance).square()
        return loss, torch.ones_like(loss)
