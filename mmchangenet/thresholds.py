"""Thresholds and the figures they give: what training, evaluation and the runtime on a line agree on.

A row is called FAIL when ``score > threshold``, strictly. Scores are float32, as networks give them; wider
ones are rounded to float32 first. A threshold from here is a number that float32 holds exactly, so the
comparison comes out the same in float32 and in Python's floats, and nine significant digits of it
(``float_text``) read back as the same number. Rates are fractions here, 0 to 1.

On n rows only the gaps between neighbouring scores tell thresholds apart. A threshold is put into the middle
of its gap: the figures are those of the gap's every other value, and a row that scores a little differently
on another machine, or in a batch of another size, stays on its side. Where no score is below, it stays
``ROOM`` of the weakest defect's score below that.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import verdict
from .verdict import ThresholdError

SMALLEST_NORMAL = float(np.finfo(
    np.float32).tiny)  # below it processors may round to zero, and 0 > 0 is no FAIL
# share of a score and distance that scores of the same images are surely nearer to each other
ROOM, LEAST_ROOM = 1e-3, 1e-6
ROUNDING = 1e-12  # share of a wanted rate that its own rounding may be off: 0.07 * 100 is 7.000000000000001


def threshold_for_recall(scores: ArrayLike, is_fail: ArrayLike, recall: float) -> float:
    """The threshold with the fewest false alarms that still finds the wanted share of the defects.

    Args:
        scores: scores of n rows, finite.
        is_fail: whether each row is a defect.
        recall: wanted share of FAIL rows called FAIL, above 0 and up to 1.

    Returns:
        every threshold of the next gap up finds too few.

    Raises:
        ThresholdError: when there is no FAIL row, a score is not finite or ``recall`` is out of range.
    """
    scores, is_fail = _checked(scores, is_fail)
    if not 0 < recall <= 1:
        raise ThresholdError(f'recall is a share above 0 and up to 1, got {recall}' + _percent_hint(recall))
    defects = scores[is_fail]
    if not defects.size:
        raise ThresholdError('no FAIL row among the scores: there is no recall to reach')
    wanted = max(1, math.ceil(recall * defects.size * (1 - ROUNDING)))
    weakest = np.partition(defects, defects.size - wanted)[defects.size - wanted]
    lower = scores[scores < weakest]
    return _below(weakest) if not lower.size else _between(lower.max(), weakest)


def threshold_for_false_alarm_rate(scores: ArrayLike, is_fail: ArrayLike, rate: float) -> float:
    """The threshold that finds the most defects without more false alarms than wanted.

    Args:
        scores: scores of n rows, finite.
        is_fail: whether each row is a defect.
        rate: allowed share of PASS rows called FAIL, 0 to 1.

    Returns:
        every threshold of the next gap down raises too many.

    Raises:
        ThresholdError: when there is no PASS row, a score is not finite or ``rate`` is out of range.
    """
    scores, is_fail = _checked(scores, is_fail)
    if not 0 <= rate <= 1:
        raise ThresholdError(f'the false alarm rate is a share from 0 to 1, got {rate}' + _percent_hint(rate))
    passes = scores[~is_fail]
    if not passes.size:
        raise ThresholdError('no PASS row among the scores: there is no false alarm rate to keep')
    allowed = math.floor(rate * passes.size * (1 + ROUNDING))
    if allowed >= passes.size:
        return _below(scores.min())
    strongest = np.partition(passes, passes.size - 1 - allowed)[passes.size - 1 - allowed]
    higher = scores[scores > strongest]
    return float(strongest) if not higher.size else _between(strongest, higher.min())


def recall_at(scores: ArrayLike, is_fail: ArrayLike, threshold: float) -> float:
    """Share of the FAIL rows that ``threshold`` calls FAIL; NaN without one."""
    scores, is_fail = _checked(scores, is_fail)
    return _share(scores[is_fail], threshold)


def false_alarm_rate_at(scores: ArrayLike, is_fail: ArrayLike, threshold: float) -> float:
    """Share of the PASS rows that ``threshold`` calls FAIL; NaN without one."""
    scores, is_fail = _checked(scores, is_fail)
    return _share(scores[~is_fail], threshold)


def operating_points(scores: ArrayLike,
                     is_fail: ArrayLike) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What every threshold gives that makes a difference.

    Args:
        scores: scores of n rows, finite.
        is_fail: whether each row is a defect.

    Returns:
        the scores that occur, descending (a threshold just below calls a
        row of that score FAIL), with the recall and the false alarm rate there; NaN without FAIL or PASS
        rows.
    """
    scores, is_fail = _checked(scores, is_fail)
    order = np.argsort(-scores)
    scores, is_fail = scores[order], is_fail[order]
    last_of_ties = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[:scores.size])
    found, alarms = np.cumsum(is_fail)[last_of_ties], np.cumsum(~is_fail)[last_of_ties]
    fails = int(is_fail.sum())
    passes = is_fail.size - fails
    return scores[last_of_ties], found / (fails or math.nan), alarms / (passes or math.nan)


def pick_threshold(scores: ArrayLike, is_fail: ArrayLike, recall: float | None = None,
                   false_alarm_rate: float | None = None) -> dict[str, Any]:
    """A threshold for a wanted recall or a wanted false alarm rate, with what it gives on the same rows.

    Args:
        scores: scores of n rows, finite.
        is_fail: whether each row is a defect.
        recall: wanted share of the FAIL rows, or
        false_alarm_rate: allowed share of the PASS rows; one of the two.

    Returns:
        ``value`` of the threshold, ``recall`` and ``false_alarm_rate`` reached (NaN when undefined), ``room``
        (how far the weakest defect that is found is above it; NaN without one), ``wanted`` (what was asked
        for, as text) and ``rows``; plain numbers and text, so that checkpoints can hold it.

    Raises:
        ThresholdError: when not exactly one of the two is given, or as ``threshold_for_*`` do.
    """
    if recall is not None and false_alarm_rate is None:
        value, wanted = threshold_for_recall(scores, is_fail, recall), f'recall >= {recall:.9g}'
    elif false_alarm_rate is not None and recall is None:
        value = threshold_for_false_alarm_rate(scores, is_fail, false_alarm_rate)
        wanted = f'false alarm rate <= {false_alarm_rate:.9g}'
    else:
        raise ThresholdError(
            'a threshold is picked for a wanted recall or for a wanted false alarm rate: give one of them')
    scores, is_fail = _checked(scores, is_fail)
    found = scores[is_fail & verdict.is_fail(scores, value)]
    return dict(value=value,
                room=float(found.min()) - value if found.size else math.nan,
                recall=recall_at(scores, is_fail, value),
                false_alarm_rate=false_alarm_rate_at(scores, is_fail, value),
                wanted=wanted,
                rows=len(scores))


def _checked(scores: ArrayLike, is_fail: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores as float32 and labels as bool, both (n,).

    Raises:
        ThresholdError: when lengths differ or a score is NaN, infinite or beyond float32.
    """
    with np.errstate(over='ignore'):
        scores = np.asarray(scores, dtype=np.float64).astype(np.float32)
    is_fail = np.asarray(is_fail, dtype=bool)
    if scores.ndim != 1 or scores.shape != is_fail.shape:
        raise ThresholdError(
            f'one score and one label a row are needed, got shapes {scores.shape} and {is_fail.shape}')
    broken = np.flatnonzero(~np.isfinite(scores))
    if broken.size:
        raise ThresholdError(
            f'{broken.size} of {scores.size} scores are no finite float32, the first is score number '
            f'{broken[0]}: leave rows without a score out')
    return scores, is_fail


def _share(scores: NDArray[np.float32], threshold: float) -> float:
    return float(np.count_nonzero(verdict.is_fail(scores, threshold)) /
                 scores.size) if scores.size else math.nan


def _between(low: np.float32, high: np.float32) -> float:
    """The middle of [low, high), or the float32 nearest to it there; 0 rather than a denormal number."""
    middle = np.float32((float(low) + float(high)) / 2)
    if not low <= middle < high:
        middle = np.nextafter(high, low)
    return 0.0 if low <= 0 < high and abs(middle) < SMALLEST_NORMAL else float(middle)


def _below(score: np.float32) -> float:
    """A float32 with some room below a score that none is below; not below 0 for a positive score."""
    value = np.float32(float(score) - max(ROOM * abs(float(score)), LEAST_ROOM))
    return max(float(value), 0.0) if score > 0 else float(value)


def _percent_hint(rate: float) -> str:
    return f': for {rate:g} % give {rate / 100:g}' if 1 < rate <= 100 else ''
