"""Synthetic defects: PASS rows become FAIL rows, visibly, reproducibly, and nowhere else than in the mask."""

import cv2
import numpy as np
import pytest
import torch

from mmchangenet.datasets.transforms import LayOutLightings, PackChangeInputs, SyntheticDefect
from mmchangenet.datasets.transforms.synthetic_defect import KINDS


@pytest.fixture
def pair(pair):
    """With fine texture, so that even a smear shows."""
    return pair // 2 + np.random.default_rng(0).integers(0, 128, pair.shape, np.uint8)


def row(pair, seed=0, **more):
    return dict(images=pair, gt_fail=0, label='PASS', rng=np.random.default_rng(seed), **more)


@pytest.mark.parametrize('kind', KINDS)
def test_the_compare_side_changes_within_the_mask_alone(pair, kind):
    before = pair.copy()
    done = SyntheticDefect(prob=1.0, kinds=[kind]).transform(row(pair))
    assert (done['gt_fail'], done['label']) == (1, 'synthetic')
    assert np.array_equal(pair, before) and np.array_equal(done['images'][1], before[1])
    changed = (done['images'][0] != before[0]).any(-1)  # (4, h, w)
    near = cv2.dilate(done['defect_mask'], np.ones((3, 3), np.uint8)) > 0
    assert changed[:, done['defect_mask'] > 0].any(1).all() and not changed[:, ~near].any()


def test_the_same_draw_gives_the_same_defect_and_another_another(pair):
    transform = SyntheticDefect(prob=1.0)
    first, again, other = (transform.transform(row(pair, seed))['images'] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_fail_rows_and_rows_of_an_evaluation_stay(pair):
    transform = SyntheticDefect(prob=1.0)
    assert transform.transform(row(pair) | dict(gt_fail=1, label='spur'))['images'] is pair
    assert transform.transform(dict(images=pair, gt_fail=0))['images'] is pair


def test_as_often_as_asked(pair):
    transform = SyntheticDefect(prob=0.3)
    share = np.mean([transform.transform(row(pair, seed))['gt_fail'] for seed in range(400)])
    assert 0.22 < share < 0.38


def test_what_would_not_show_is_no_defect():
    plain = np.full((2, 1, 48, 48, 3), 90, np.uint8)
    with pytest.warns(UserWarning, match='48×48 px may be too small or too plain for bridge'):
        done = SyntheticDefect(prob=1.0, kinds=['bridge']).transform(row(plain))
    assert done['gt_fail'] == 0 and np.array_equal(done['images'], plain) and 'defect_mask' not in done


@pytest.mark.filterwarnings('ignore:SyntheticDefect found no place')
def test_tiny_images_do_not_stop_it():
    tiny = np.random.default_rng(0).integers(0, 255, (2, 2, 8, 8, 3), np.uint8)
    for kind in KINDS:
        for seed in range(5):
            SyntheticDefect(prob=1.0, kinds=[kind]).transform(row(tiny, seed))


def test_the_mask_comes_with_the_sample(pair):
    results = SyntheticDefect(prob=1.0).transform(row(pair))
    sample = PackChangeInputs().transform(LayOutLightings().transform(results))['data_samples']
    assert sample.gt_fail == 1 and sample.defect_mask.dtype == torch.uint8
    assert sample.defect_mask.shape == (48, 48) and sample.defect_mask.any()


def test_unknown_kinds_are_named():
    with pytest.raises(ValueError, match=r"kinds=\['crack'\].*bridge, gap"):
        SyntheticDefect(kinds=['crack'])
    with pytest.raises(ValueError, match='prob of SyntheticDefect=2'):
        SyntheticDefect(prob=2)
