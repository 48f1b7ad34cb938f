"""Cross-entropy whose weighted mean is torch's: divided by the sum of the rows' weights."""

import torch
from torch import nn
from torch.nn import functional as F

from mmchangenet.registry import MODELS


@MODELS.register_module()
class WeightedCrossEntropy(nn.Module):
    """Cross-entropy with class weights.

    mmpretrain's loss divides the weighted sum by the number of rows, the reference's by the sum of their weights.

    Args:
        class_weight (Sequence[float], optional): a weight a class, PASS first.
    """

    def __init__(self, class_weight=None):
        super().__init__()
        if class_weight is not None and not all(weight >= 0 for weight in class_weight):
            raise ValueError(f'class_weight {list(class_weight)}: weights cannot be negative')
        self.class_weight = class_weight

    def forward(self, logits, target):
        """Logits (N, classes) and class numbers (N,) → a scalar."""
        return F.cross_entropy(logits, target, weight=self._weight(logits))

    def per_row(self, logits, target):
        """The loss without its weight, and the weight, of each row, both (N,)."""
        loss = F.cross_entropy(logits, target, reduction='none')
        weight = self._weight(logits)
        return loss, torch.ones_like(loss) if weight is None else weight[target]

    def _weight(self, logits):
        return None if self.class_weight is None else logits.new_tensor(self.class_weight)
