"""Contrastive loss on distances: Hadsell, Chopra, LeCun, CVPR 2006, equation 4."""

import torch
from torch import nn

from mmchangenet.registry import MODELS


@MODELS.register_module()
class ContrastiveLoss(nn.Module):
    """Mean of (1 − y)·d² + y·max(0, margin − d)².

    Args:
        margin (float): the distance that defects are pushed to.
    """

    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, distance, target):
        """Distances (N,) and targets (N,), 0 for PASS and 1 for FAIL → a scalar."""
        return self.per_row(distance, target)[0].mean()

    def per_row(self, distance, target):
        """The loss and the weight of each row, both (N,)."""
        loss = torch.where(target > 0, (self.margin - distance).clamp(min=0), distance).square()
        return loss, torch.ones_like(loss)
