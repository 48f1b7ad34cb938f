"""From a score and a threshold to a verdict: the one place that says what is a PASS.

Whatever is not a finite score at or below a finite threshold is not a PASS. Scores and thresholds are
compared as float32, which is what networks give. numpy only: a line's computer uses it too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

PASS, FAIL = 'PASS', 'FAIL'


class ThresholdError(ValueError):
    """There is no such threshold: it is no finite number, or the scores and labels do not allow it."""


def checked_threshold(value: object, where: str) -> float:
    """A threshold as a float.

    Args:
        value: what was given, stored or written.
        where: for the message: the file and key that it comes from.

    Raises:
        ThresholdError: when it is not a finite float32 number; ``True`` is no number.
    """
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_)):
        with np.errstate(over='ignore'):
            if math.isfinite(np.float32(value)):
                return float(value)
    raise ThresholdError(
        f'{where}: the threshold {value!r} is no finite number, so no score could be a PASS. '
        'Pick another with tools/analysis_tools/pick_threshold.py, or give a number')


def is_unscored(scores: ArrayLike) -> NDArray[np.bool_]:
    """Which of the scores are none: NaN and infinities, which count as FAIL and are listed."""
    return ~np.isfinite(np.asarray(scores, dtype=np.float32))


def is_fail(scores: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Which scores are called FAIL: all but the finite ones at or below a finite threshold.

    Args:
        scores: any shape.
        threshold: a finite score above it is a FAIL.

    Returns:
        booleans of the scores' shape (an array of no dimension for one score).
    """
    with np.errstate(over='ignore', invalid='ignore'):
        scores = np.asarray(scores).astype(np.float32)
        limit = np.float32(threshold)
        return ~(np.isfinite(scores) & np.isfinite(limit) & (scores <= limit))


def class_numbers(likelihoods: ArrayLike, fails: ArrayLike) -> NDArray[np.intp]:
    """Names that agree with the verdicts, where there are more than two classes: PASS for a PASS, and for a
    FAIL the most likely of the others.

    Args:
        likelihoods: (n, classes), PASS first: probabilities or logits.
        fails: (n,) bool, what ``is_fail`` said.

    Returns:
        (n,) numbers of classes.
    """
    return np.where(fails, 1 + np.asarray(likelihoods)[:, 1:].argmax(axis=1), 0)
