"""Heads turn a comparison into loss, score and verdict, and refuse what cannot work."""

import math

import numpy as np
import pytest
import torch

from mmchangenet.models import ChangeClsHead, ContrastiveHead
from mmchangenet.structures import ChangeDataSample


def samples(*labels):
    """Samples with these labels; None: without a label."""
    return [
        ChangeDataSample(metainfo=dict(label=label or ''),
                         **({} if label is None else dict(gt_fail=int(label != 'PASS')))) for label in labels
    ]


def three_classes(**arguments):
    torch.manual_seed(0)
    return ChangeClsHead((4, ), num_classes=3, **arguments).eval()


def test_contrastive_head_scores_by_distance():
    distance = torch.tensor([0.25, 1.0, 1.5])
    result = ContrastiveHead((), margin=1.0).predict(distance, samples('PASS', 'FAIL', None))
    assert [sample.score for sample in result] == [0.25, 1.0, 1.5]
    assert [sample.pred_fail for sample in result] == [0, 0, 1]  # strictly greater than the margin
    assert [sample.get('loss') for sample in result] == [0.25**2, 1.0, None]


def test_the_margin_is_compared_in_the_precision_of_the_scores():
    """0.1 as a float is less than the float32 nearest to it; a score of exactly the margin is a PASS."""
    score = torch.tensor([0.1, float(np.nextafter(np.float32(0.1), np.float32(1)))])
    result = ContrastiveHead((), margin=0.1).predict(score, samples('PASS', 'PASS'))
    assert [sample.pred_fail for sample in result] == [0, 1]


def test_cls_head_scores_by_the_probability_of_not_passing():
    torch.manual_seed(0)
    head = three_classes(class_names=('PASS', 'bridge', 'missing'))
    comparison = torch.randn(2, 4)
    result = head.predict(comparison, samples('bridge', 'unheard of'))
    probabilities = head(comparison).softmax(1)
    assert [sample.score for sample in result] == pytest.approx((1 - probabilities[:, 0]).tolist())
    torch.testing.assert_close(torch.tensor([sample.probabilities for sample in result]), probabilities)
    assert [sample.get('unknown_label', False) for sample in result] == [False, True]
    assert 'loss' in result[0] and 'loss' not in result[1]


@pytest.mark.parametrize(('margin', 'names'), [(0.5, ['PASS', 'bridge', 'missing']),
                                               (0.3, ['bridge', 'bridge', 'missing']),
                                               (0.99, ['PASS', 'PASS', 'PASS'])])
def test_the_name_agrees_with_the_verdict(margin, names):
    head = three_classes(class_names=('PASS', 'bridge', 'missing'), margin=margin)
    logits = torch.tensor([[0.6, 0.3, 0.1], [0.45, 0.3, 0.25], [0.1, 0.3, 0.6]]).log()
    result = head.predict_from(logits, samples(None, None, None))
    assert [sample.pred_fail for sample in result] == [int(name != 'PASS') for name in names]
    assert [sample.pred_label for sample in result] == [
        name if name == 'PASS' else ('bridge', 'bridge', 'missing')[number]
        for number, name in enumerate(names)
    ]


@pytest.mark.parametrize('score', [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_a_fail(score):
    result, = ContrastiveHead(()).predict(torch.tensor([score]), samples('PASS'))
    assert result.pred_fail == 1


def test_a_threshold_that_is_no_number_passes_nothing():
    result, = ContrastiveHead((), margin=math.nan).predict(torch.tensor([0.0]), samples('PASS'))
    assert result.pred_fail == 1


@pytest.mark.parametrize('loss', [
    dict(type='mmpretrain.CrossEntropyLoss', class_weight=[1.0, 3.0]),
    dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='classy_vision', num_classes=2)
])
def test_losses_of_mmpretrain_train_and_give_the_same_mean_in_validation(loss):
    torch.manual_seed(0)
    head, comparison, rows = ChangeClsHead(
        (4, ), loss=loss).eval(), torch.randn(5, 4), samples('PASS', 'FAIL', 'PASS', 'PASS', 'x')
    trained = head.loss(comparison, rows)['loss']
    result = head.predict(comparison, rows)
    assert len({sample.loss for sample in result}) == 5  # a row's own
    mean = sum(sample.loss * sample.loss_weight for sample in result) / sum(sample.loss_weight
                                                                            for sample in result)
    assert mean == pytest.approx(trained.item(), rel=1e-5)


class PlainLoss(torch.nn.Module):
    """A user's loss: two arguments, a scalar."""

    def __init__(self, reduction='mean'):
        super().__init__()
        self.reduction = reduction

    def forward(self, output, targets):
        return torch.nn.functional.cross_entropy(output, targets, reduction=self.reduction)


def test_of_a_loss_that_gives_a_mean_alone_validation_shows_the_mean():
    torch.manual_seed(0)
    head, comparison = ChangeClsHead((4, ), loss=dict(type=PlainLoss)).eval(), torch.randn(3, 4)
    result = head.predict(comparison, samples('PASS', None, 'FAIL'))
    expected = PlainLoss()(head(comparison[[0, 2]]), torch.tensor([0, 1])).item()
    assert [sample.get('loss')
            for sample in result] == [pytest.approx(expected), None,
                                      pytest.approx(expected)]


def test_what_was_silent_in_training_is_amplified_no_more_than_norm_eps_allows():
    for eps in (1e-5, 0.1):
        head = ChangeClsHead((2, 1, 1), norm_eps=eps).eval()
        for norm in (head.layers[2], head.layers[5]):
            norm.running_var.zero_()
            torch.testing.assert_close(norm(torch.ones(1, 30)), torch.full((1, 30), eps**-0.5))


def test_two_classes_take_any_name_but_pass_as_a_defect():
    head = ChangeClsHead((4, ))
    assert head.targets(samples('PASS', 'FAIL', 'bridge')) == [0, 1, 1]


def test_an_unreadable_row_gets_no_score():
    broken = samples('FAIL')[0]
    broken.set_metainfo(dict(error='cut off'))
    result, = ContrastiveHead(()).predict(torch.tensor([0.0]), [broken])
    assert math.isnan(result.score)
    assert 'loss' not in result


@pytest.mark.parametrize('label', ['unheard of', None])
def test_training_needs_known_labels(label):
    head = three_classes(class_names=('PASS', 'bridge', 'missing'))
    with pytest.raises(ValueError, match='PASS, bridge, missing'):
        head.loss(torch.randn(2, 4), samples('PASS', label))


def test_the_class_list_may_come_later():
    head = three_classes()
    assert head.class_names is None
    head.set_class_names(['PASS', 'a', 'b'])
    assert head.targets(samples('b', 'PASS')) == [2, 0]


@pytest.mark.parametrize('names', [('PASS', 'a'), ('a', 'PASS', 'b'), ('PASS', 'a', 'a')])
def test_a_class_list_that_does_not_fit_is_refused(names):
    with pytest.raises(ValueError, match='3 different names, PASS first'):
        three_classes(class_names=names)


@pytest.mark.parametrize(('build', 'message'), [
    (lambda: ContrastiveHead((), num_classes=3), 'LearnableDifference with ChangeClsHead'),
    (lambda: ContrastiveHead((256, 32, 8)), 'EuclideanDifference'),
    (lambda: ChangeClsHead(
        (), num_classes=3), 'gives a distance a pair, which cannot tell 3 classes. Use LearnableDifference'),
    (lambda: ChangeClsHead((4, ), num_classes=1), 'PASS and at least one more'),
    (lambda: ChangeClsHead(
        (4, ), num_classes=3, loss=dict(type='mmchangenet.WeightedCrossEntropy', class_weight=[1., 2.])),
     r'2 class weights \[1.0, 2.0\].*3 classes'),
    (lambda: ChangeClsHead((4, ), loss=dict(type='mmchangenet.WeightedCrossEntropy', class_weight=2.0)),
     'class_weight 2.0 of WeightedCrossEntropy: give a list'),
    (lambda: ChangeClsHead((4, ), loss=dict(type='mmpretrain.CrossEntropyLoss', class_weight=2.0)),
     'class_weight 2.0 of the loss CrossEntropyLoss.*a list of 2'),
    (lambda: ContrastiveHead((), loss=dict(type='mmpretrain.CrossEntropyLoss')),
     r'CrossEntropyLoss does not fit ContrastiveHead: called with the output \(2,\)'),
    (lambda: ChangeClsHead((4, ), loss=dict(type=PlainLoss, reduction='none')),
     r'return a scalar tensor, but returns shape \(2,\)'),
])
def test_what_cannot_work_is_said(build, message):
    with pytest.raises(ValueError, match=message):
        build()
