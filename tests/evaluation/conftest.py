"""Samples as the head leaves them."""

import math

import pytest

from mmchangenet.structures import ChangeDataSample


def sample(idx, score, label=None, margin=0.5, **more):
    """A ChangeDataSample with a score; without a label it has none of the keys that labels bring."""
    meta = dict(sample_idx=idx,
                input_path='board',
                golden_path='golden',
                label=label or '',
                object_name=f'R{idx}')
    meta.update({key: more.pop(key) for key in ('error', 'unknown_label') if key in more})
    data = dict(score=score, pred_fail=int(score > margin))
    if math.isnan(score):
        data['pred_fail'] = 1
    if label is not None:
        data['gt_fail'] = int(label != 'PASS')
    return ChangeDataSample(metainfo=meta, **data, **more)


@pytest.fixture
def make_sample():
    return sample


@pytest.fixture
def rows_of_every_kind():
    """Ten rows: 4 good ones with one false alarm, 4 defects with one escape, two without a score."""
    scores = [0.1, 0.2, 0.3, 0.8, 0.45, 0.7, 0.9, 0.95, math.nan, math.nan]
    labels = ['PASS'] * 4 + ['missing', 'missing', 'shifted', 'bridge', 'PASS', 'missing']
    return [sample(i, score, label, **(dict(error=f'cannot read {i}.jpg') if math.isnan(score) else
                                       dict(loss=float(i), loss_weight=2.0 if i == 7 else 1.0)))
            for i, (score, label) in enumerate(zip(scores, labels, strict=True))]
