"""Thresholds reproduce the wanted recall or false alarm rate through the verdict, whatever the scores look
like."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from mmchangenet.labels.score_file import float_text
from mmchangenet.thresholds import (
    SMALLEST_NORMAL,
    false_alarm_rate_at,
    operating_points,
    pick_threshold,
    recall_at,
    threshold_for_false_alarm_rate,
    threshold_for_recall,
)


def uniform(rng, n):
    return rng.random(n)


def few_values(rng, n):
    return rng.integers(0, 4, n) / 3


def constant(rng, n):
    return np.full(n, rng.choice([0.0, 0.5, 1.0, 1e-42, -2.0]))


def neighbours(rng, n):
    """Adjacent float32 numbers, where no middle exists."""
    values = [np.float32(rng.choice([0.1, 0.5, 1.0, 3e38, -0.7]))]
    for _ in range(5):
        values.append(np.nextafter(values[-1], np.float32(-np.inf)))
    return rng.choice(values, n)


def denormal(rng, n):
    return rng.integers(0, 5, n) * 1.4e-45


def saturated(rng, n):
    return np.where(rng.random(n) < 0.6, 1.0, 1 - rng.integers(0, 3, n) * 2.0**-24)


def signed(rng, n):
    return rng.normal(size=n) * 10.0**rng.integers(-30, 30)


def wider_than_float32(rng, n):
    return 0.1 + rng.integers(0, 40, n) * 1e-9


KINDS = (uniform, few_values, constant, neighbours, denormal, saturated, signed, wider_than_float32)


def random_cases(kind, count=60):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(count):
        n = int(rng.integers(2, 40))
        is_fail = rng.random(n) < rng.choice([0.1, 0.5, 0.9])
        is_fail[:2] = True, False
        yield kind(rng, n), is_fail, rng


def candidates(scores):
    """Thresholds of every outcome: each score, which calls the higher ones FAIL, and one below all."""
    scores = np.unique(scores.astype(np.float32))
    return [np.nextafter(scores[0], np.float32(-np.inf)), *scores]


def shares(scores, is_fail, threshold):
    """Recall and false alarm rate, counted row by row in float32 and with Python's floats, which must
    agree."""
    called = [np.float32(score) > np.float32(threshold) for score in scores]
    assert called == [float(np.float32(score)) > threshold for score in scores]
    fails, passes = int(is_fail.sum()), int((~is_fail).sum())
    return (sum(c for c, f in zip(called, is_fail, strict=True) if f) / fails,
            sum(c for c, f in zip(called, is_fail, strict=True) if not f) / passes)


@pytest.mark.parametrize('kind', KINDS)
def test_recall_is_reached_with_the_fewest_false_alarms_that_any_threshold_has(kind):
    for scores, is_fail, rng in random_cases(kind):
        wanted = float(rng.choice([1.0, 0.99, 0.95, 0.5, 1 / 3, 0.07, rng.random() + 1e-9]))
        recall, alarms = shares(scores, is_fail, threshold_for_recall(scores, is_fail, wanted))
        enough = [(r, a) for r, a in (shares(scores, is_fail, float(t)) for t in candidates(scores))
                  if r >= wanted - 1e-12]
        assert (recall, alarms) == min(enough)


@pytest.mark.parametrize('kind', KINDS)
def test_false_alarm_rate_is_kept_with_the_highest_recall_that_any_threshold_has(kind):
    for scores, is_fail, rng in random_cases(kind):
        wanted = float(rng.choice([0.0, 0.01, 0.1, 1 / 3, 1.0, rng.random()]))
        recall, alarms = shares(scores, is_fail, threshold_for_false_alarm_rate(scores, is_fail, wanted))
        allowed = [(r, a) for r, a in (shares(scores, is_fail, float(t)) for t in candidates(scores))
                   if a <= wanted + 1e-12]
        assert (recall, alarms) == max(allowed)


@pytest.mark.parametrize('kind', KINDS)
def test_a_threshold_is_an_exact_float32_that_survives_text_json_and_nine_digits(kind):
    for scores, is_fail, _ in random_cases(kind, 20):
        for threshold in (threshold_for_recall(scores, is_fail,
                                               0.9), threshold_for_false_alarm_rate(scores, is_fail, 0.1)):
            assert isinstance(threshold, float) and float(np.float32(threshold)) == threshold
            assert json.loads(json.dumps(threshold)) == threshold
            assert np.float32(float(float_text(threshold))) == np.float32(threshold)


def test_the_threshold_lies_in_the_middle_between_its_neighbours():
    scores, is_fail = [0.25, 0.5, 0.75, 1.0], [False, False, True, True]
    assert threshold_for_recall(scores, is_fail, 1.0) == 0.625
    assert threshold_for_false_alarm_rate(scores, is_fail, 0.0) == 0.625
    assert threshold_for_recall(scores, is_fail, 0.5) == 0.875, 'a lower defect is a neighbour as well'


def test_a_lowest_defect_of_score_zero_needs_a_negative_threshold_that_no_processor_rounds_to_zero():
    threshold = threshold_for_recall([0.0, 0.0, 0.3], [True, False, False], 1.0)
    assert threshold <= -SMALLEST_NORMAL


def test_zero_is_chosen_rather_than_a_denormal_number():
    assert threshold_for_recall([0.0, 1e-42, 0.3], [False, True, True], 1.0) == 0.0


@pytest.mark.parametrize(('weakest', 'below'), [(0.5, 0.4995), (1000.0, 999.0), (2e-7, 0.0), (0.0, -1e-6)])
def test_below_the_lowest_score_there_is_room_for_another_batch_size(weakest, below):
    threshold = threshold_for_recall([weakest, weakest + 1], [True, True], 1.0)
    assert threshold == pytest.approx(below) and threshold == np.float32(threshold) < weakest
    picked = pick_threshold([weakest, weakest + 1], [True, True], recall=1.0)
    assert picked['room'] == pytest.approx(np.float32(weakest) - below, abs=1e-6)
    assert math.isnan(false_alarm_rate_at([0.5], [True], 0.1))


def test_only_good_rows_give_the_highest_allowed_score():
    assert threshold_for_false_alarm_rate([0.5, 0.75], [False, False], 0.5) == 0.625
    assert threshold_for_false_alarm_rate([0.5, 0.75], [False, False], 0.0) == 0.75
    assert math.isnan(recall_at([0.5], [False], 0.1))


@pytest.mark.parametrize('rows, recall, found', [
    (150, 0.99, 149), (100, 0.07, 7), (100, 0.99, 99), (20, 0.95, 19), (3, 2 / 3, 2), (150, 149 / 150, 149), (10, 1e-6, 1)])
def test_so_many_defects_are_found_for_a_recall(rows, recall, found):
    scores = np.linspace(0.1, 1, rows)
    threshold = threshold_for_recall(scores, np.ones(rows, bool), recall)
    assert np.count_nonzero(scores.astype(np.float32) > threshold) == found


@pytest.mark.parametrize('rows, rate, alarms', [(100, 0.29, 29), (1000, 0.001, 1), (150, 0.01, 1), (3, 1 / 3, 1), (10, 0.0, 0)])
def test_so_many_false_alarms_are_allowed_for_a_rate(rows, rate, alarms):
    scores = np.linspace(0.1, 1, rows)
    threshold = threshold_for_false_alarm_rate(scores, np.zeros(rows, bool), rate)
    assert np.count_nonzero(scores.astype(np.float32) > threshold) == alarms


def test_every_reached_share_leads_back_to_its_own_threshold():
    for rows in range(1, 300):
        scores = np.arange(rows, dtype=np.float32)
        for hits in {1, rows // 3 + 1, rows}:
            assert recall_at(scores, scores >= 0, threshold_for_recall(scores, scores >= 0,
                                                                       hits / rows)) == hits / rows


def test_operating_points_are_those_of_every_score_that_occurs():
    for scores, is_fail, _ in random_cases(few_values, 20):
        points = list(zip(*operating_points(scores, is_fail), strict=True))
        assert [score for score, *_ in points] == sorted(set(scores.astype(np.float32)), reverse=True)
        for score, recall, alarms in points:
            just_below = float(np.nextafter(score, np.float32(-np.inf)))
            assert (recall, alarms) == pytest.approx(shares(scores, is_fail, just_below))


def test_picking_says_what_was_wanted_and_what_is_reached():
    scores, is_fail = [0.1, 0.6, 0.4, 0.9], [False, False, True, True]
    assert pick_threshold(scores, is_fail, recall=1.0) == dict(
        room=pytest.approx(0.15),
        value=0.25, recall=1.0, false_alarm_rate=0.5, wanted='recall >= 1', rows=4)
    assert pick_threshold(scores, is_fail, false_alarm_rate=0.0) == dict(
        room=pytest.approx(0.15),
        value=0.75, recall=0.5, false_alarm_rate=0.0, wanted='false alarm rate <= 0', rows=4)


@pytest.mark.parametrize('call, message', [
    (lambda: threshold_for_recall([0.5], [False], 1.0), 'no FAIL row'),
    (lambda: threshold_for_false_alarm_rate([0.5], [True], 0.1), 'no PASS row'),
    (lambda: threshold_for_recall([0.5], [True], 99), 'for 99 % give 0.99'),
    (lambda: threshold_for_recall([0.5], [True], 0), 'above 0'),
    (lambda: threshold_for_false_alarm_rate([0.5], [False], -0.1), 'from 0 to 1'),
    (lambda: threshold_for_recall([0.5, math.nan], [True, True], 1.0), 'score number 1'),
    (lambda: threshold_for_recall([0.5, 1e39], [True, True], 1.0), 'no finite float32'),
    (lambda: threshold_for_recall([0.5, 0.6], [True], 1.0), 'one score and one label a row'),
    (lambda: pick_threshold([0.5], [True]), 'give one of them'),
    (lambda: pick_threshold([0.5], [True], recall=1.0, false_alarm_rate=0.0), 'give one of them')])
def test_what_cannot_be_picked_is_refused_with_a_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_line_computer_needs_numpy_only():
    code = 'import sys, mmchangenet.thresholds; print([m for m in ("torch", "mmengine", "pandas", "cv2") if m in sys.modules])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=True).stdout.strip() == '[]'
