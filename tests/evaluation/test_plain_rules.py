"""Rules without a network: what they find, and what registration takes away."""

import cv2
import numpy as np
import pytest

from mmchangenet.evaluation.plain_rules import plain_aurocs, plain_scores, register


@pytest.fixture
def golden():
    """Two lightings of smooth blobs."""
    rng = np.random.default_rng(0)
    return [cv2.GaussianBlur(rng.integers(0, 255, (96, 96, 3), np.uint8), (0, 0), 4) * 2 for _ in range(2)]


def moved(images, dx, dy, degrees):
    matrix = cv2.getRotationMatrix2D((48, 48), degrees, 1)
    matrix[:, 2] += dx, dy
    return [cv2.warpAffine(image, matrix, (96, 96), borderMode=cv2.BORDER_REFLECT) for image in images]


def test_equal_sides_score_nothing(golden):
    scores = plain_scores(golden, golden)
    assert all(abs(score) < 1e-3 for rule, score in scores.items() if 'registered' not in rule)


def test_registration_takes_offset_and_turn_away(golden):
    scores = plain_scores(moved(golden, 3, -2, 2), golden)
    for rule in ('difference, whole', '1 - SSIM, whole'):
        assert scores[f'{rule}, registered, mean'] < 0.25 * scores[f'{rule}, mean']


def test_a_pair_that_cannot_be_registered_stays_as_it_is():
    flat = [np.full((64, 64, 3), 7, np.uint8)]
    assert np.array_equal(register(flat, flat)[0], flat[0])


def test_the_best_rule_comes_first(golden):
    scores, is_fail = [], []
    for number in range(12):
        compare = [image.copy() for image in golden]
        if number % 2:
            compare[0][30:44, 30:44] = 255
        scores.append(plain_scores(compare, golden))
        is_fail.append(bool(number % 2))
    aurocs = plain_aurocs(scores, is_fail)
    assert list(aurocs.values()) == sorted(aurocs.values(), reverse=True)
    assert aurocs['difference, 9×9, max'] == 1.0
