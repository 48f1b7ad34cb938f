"""Thresholds and the figures they give: what training, evaluation and the runtime on a line agree on.

A row is called FAIL when ``score > threshold``, strictly. Scores are float32, as networks give them; wider ones are
rounded to float32 first. A threshold from here is a number that float32 holds exactly, so the comparison comes out
the same in float32 and in Python's floats, and nine significant digits of it (``float_text``) read back as the same
number. Rates are fractions here, 0 to 1.

On n rows only the gaps between neighbouring scores tell thresholds apart. A threshold is put into the middle of its
gap: the figures are those of the gap's every other value, and a row that scores a little differently on another
machine stays on its side.
"""

import math

import numpy as np

from .verdict import ThresholdError

SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)  # below it processors may round to zero, and 0 > 0 is no FAIL
ROUNDING = 1e-12  # share of a wanted rate that its own rounding may be off: 0.07 * 100 is 7.000000000000001


def threshold_for_recall(scores, is_fail, recall):
    """The threshold with the fewest false alarms that still finds the wanted share of the defects.

    Args:
        scores (Sequence[float]): scores of n rows, finite.
        is_fail (Sequence[bool]): whether each row is a defect.
        recall (float): wanted share of FAIL rows called FAIL, above 0 and up to 1.

    Returns:
        float: every threshold of the next gap up finds too few.

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


def threshold_for_false_alarm_rate(scores, is_fail, rate):
    """The threshold that finds the most defects without more false alarms than wanted.

    Args:
        scores (Sequence[float]): scores of n rows, finite.
        is_fail (Sequence[bool]): whether each row is a defect.
        rate (float): allowed share of PASS rows called FAIL, 0 to 1.

    Returns:
        float: every threshold of the next gap down raises too many.

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


def recall_at(scores, is_fail, threshold):
    """Share of the FAIL rows that ``threshold`` calls FAIL; NaN without one."""
    scores, is_fail = _checked(scores, is_fail)
    return _share(scores[is_fail], threshold)


def false_alarm_rate_at(scores, is_fail, threshold):
    """Share of the PASS rows that ``threshold`` calls FAIL; NaN without one."""
    scores, is_fail = _checked(scores, is_fail)
    return _share(scores[~is_fail], threshold)


def operating_points(scores, is_fail):
    """What every threshold gives that makes a difference.

    Args:
        scores (Sequence[float]): scores of n rows, finite.
        is_fail (Sequence[bool]): whether each row is a defect.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: the scores that occur, descending (a threshold just below calls a
        row of that score FAIL), with the recall and the false alarm rate there; NaN without FAIL or PASS rows.
    """
    scores, is_fail = _checked(scores, is_fail)
    order = np.argsort(-scores)
    scores, is_fail = scores[order], is_fail[order]
    last_of_ties = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[:scores.size])
    found, alarms = np.cumsum(is_fail)[last_of_ties], np.cumsum(~is_fail)[last_of_ties]
    fails = int(is_fail.sum())
    passes = is_fail.size - fails
    return scores[last_of_ties], found / (fails or math.nan), alarms / (passes or math.nan)


def pick_threshold(scores, is_fail, recall=None, false_alarm_rate=None):
    """A threshold for a wanted recall or a wanted false alarm rate, with what it gives on the same rows.

    Args:
        scores (Sequence[float]): scores of n rows, finite.
        is_fail (Sequence[bool]): whether each row is a defect.
        recall (float, optional): wanted share of the FAIL rows, or
        false_alarm_rate (float, optional): allowed share of the PASS rows; one of the two.

    Returns:
        dict: ``value`` of the threshold, ``recall`` and ``false_alarm_rate`` reached (NaN when undefined), ``wanted``
        (what was asked for, as text) and ``rows``; plain numbers and text, so that checkpoints can hold it.

    Raises:
        ThresholdError: when not exactly one of the two is given, or as ``threshold_for_*`` do.
    """
    if (recall is None) == (false_alarm_rate is None):
        raise ThresholdError('a threshold is picked for a wanted recall or for a wanted false alarm rate: give one of them')
    if recall is not None:
        value, wanted = threshold_for_recall(scores, is_fail, recall), f'recall >= {recall:.9g}'
    else:
        value = threshold_for_false_alarm_rate(scores, is_fail, false_alarm_rate)
        wanted = f'false alarm rate <= {false_alarm_rate:.9g}'
    return dict(
        value=value, recall=recall_at(scores, is_fail, value), false_alarm_rate=false_alarm_rate_at(scores, is_fail, value),
        wanted=wanted, rows=len(scores))


def _checked(scores, is_fail):
    """Scores as float32 and labels as bool, both (n,).

    Raises:
        ThresholdError: when lengths differ or a score is NaN, infinite or beyond float32.
    """
    with np.errstate(over='ignore'):
        scores = np.asarray(scores, dtype=np.float64).astype(np.float32)
    is_fail = np.asarray(is_fail, dtype=bool)
    if scores.ndim != 1 or scores.shape != is_fail.shape:
        raise ThresholdError(f'one score and one label a row are needed, got shapes {scores.shape} and {is_fail.shape}')
    broken = np.flatnonzero(~np.isfinite(scores))
    if broken.size:
        raise ThresholdError(f'{broken.size} of {scores.size} scores are no finite float32, the first is score number '
                         f'{broken[0]}: leave rows without a score out')
    return scores, is_fail


def _share(scores, threshold):
    return float(np.count_nonzero(scores > np.float32(threshold)) / scores.size) if scores.size else math.nan


def _between(low, high):
    """The middle of [low, high), or the float32 nearest to it there; 0 rather than a denormal number."""
    middle = np.float32((float(low) + float(high)) / 2)
    if not low <= middle < high:
        middle = np.nextafter(high, low)
    return 0.0 if low <= 0 < high and abs(middle) < SMALLEST_NORMAL else float(middle)


def _below(score):
    """The nearest float32 below that no processor rounds to zero."""
    neighbour = float(np.nextafter(score, np.float32(-np.inf)))
    if abs(neighbour) >= SMALLEST_NORMAL:
        return neighbour
    return 0.0 if score > 0 else -SMALLEST_NORMAL


def _percent_hint(rate):
    return f': for {rate:g} % give {rate / 100:g}' if 1 < rate <= 100 else ''
