"""The losses are the reference's, and a row's loss and weight give the same mean."""

import pytest
import torch
from torch.nn import functional as F

from mmchangenet.models import ContrastiveLoss, WeightedCrossEntropy

TARGETS = torch.tensor([0, 1, 1, 0, 1])


def weighted_mean(loss, prediction):
    losses, weights = loss.per_row(prediction, TARGETS)
    return (losses * weights).sum() / weights.sum()


def test_contrastive_loss():
    distance = torch.tensor([0.0, 0.5, 3.0, 1.5, 2.0])
    loss = ContrastiveLoss(margin=2.0)
    assert loss(distance, TARGETS).item() == pytest.approx((0 + 1.5**2 + 0 + 1.5**2 + 0) / 5)
    torch.testing.assert_close(weighted_mean(loss, distance), loss(distance, TARGETS))


@pytest.mark.parametrize('class_weight', [None, [1.0, 10.0]])
def test_cross_entropy_divides_by_the_weights(class_weight):
    logits = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    weight = None if class_weight is None else torch.tensor(class_weight)
    loss = WeightedCrossEntropy(class_weight)
    torch.testing.assert_close(loss(logits, TARGETS), F.cross_entropy(logits, TARGETS, weight=weight))
    torch.testing.assert_close(weighted_mean(loss, logits), loss(logits, TARGETS))


def test_negative_class_weights_are_refused():
    with pytest.raises(ValueError, match='cannot be negative'):
        WeightedCrossEntropy([1.0, -1.0])
