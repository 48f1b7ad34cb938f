"""Heads turn a comparison into loss, score and verdict, and refuse what cannot work."""

import math

import numpy as np
import pytest
import torch

from mmchangenet.models import ChangeClsHead, ContrastiveHead
from mmchangenet.structures import ChangeDataSample


def samples(*labels):
    """Samples with these labels; None: without a label."""
    return [ChangeDataSample(metainfo=dict(label=label or ''), **({} if label is None else dict(gt_fail=int(label != 'PASS'))))
            for label in labels]


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
    assert [sample.pred_label for sample in result] == [head.class_names[i] for i in probabilities.argmax(1)]
    assert [sample.get('unknown_label', False) for sample in result] == [False, True]
    assert 'loss' in result[0] and 'loss' not in result[1]


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
    (lambda: ChangeClsHead((), num_classes=3), 'gives a distance a pair, which cannot tell 3 classes. Use LearnableDifference'),
    (lambda: ChangeClsHead((4, ), num_classes=1), 'PASS and at least one more'),
    (lambda: ChangeClsHead((4, ), num_classes=3, loss=dict(type='mmchangenet.WeightedCrossEntropy', class_weight=[1., 2.])),
     r'2 class weights \[1.0, 2.0\].*3 classes'),
])
def test_what_cannot_work_is_said(build, message):
    with pytest.raises(ValueError, match=message):
        build()
