"""Plots of scores: how PASS and FAIL lie, and what each threshold would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmchangenet import verdict
from mmchangenet.labels.score_file import float_text
from mmchangenet.thresholds import false_alarm_rate_at, operating_points, recall_at, threshold_for_recall

PASS_COLOUR, FAIL_COLOUR, MARGIN_COLOUR = '#2f6fb7', '#d1490c', '#202124'
BINS = 80
MOST_NAMES = 20  # defect names with a line of their own
MOST_TICKS = 2000  # rows drawn of a name
MARKED_RECALLS = ((0.95, 's'), (0.99, 'D'), (1.0, 'o'))


def plot_score_histogram(path: Any, scores: np.ndarray[Any, Any], is_fail: np.ndarray[Any, Any],
                         names: np.ndarray[Any, Any], margin: float) -> None:
    """Histogram of PASS and FAIL scores, and below it every defect's scores by its name.

    Args:
        path: picture to write.
        scores: (n,) scores, finite; n may be 0.
        is_fail: (n,) bool.
        names: (n,) str, each row's label.
        margin: the head's margin.
    """
    scores, is_fail = np.asarray(scores, dtype=float), np.asarray(is_fail, dtype=bool)
    names = np.asarray(names, dtype=object)
    lines = _lines_of_names(scores[is_fail], names[is_fail])
    height = 0.6 + 0.26 * len(lines)
    figure = Figure(figsize=(9, 4.2 + height), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4.2, height])
    ends = np.append(scores, margin)
    edges = np.linspace(ends.min(), ends.max() if ends.max() > ends.min() else ends.min() + 1, BINS + 1)
    for chosen, colour, name in ((~is_fail, PASS_COLOUR, 'PASS'), (is_fail, FAIL_COLOUR, 'FAIL')):
        counts = np.histogram(scores[chosen], edges)[0]
        upper.stairs(counts, edges, fill=True, color=colour, alpha=0.35)
        upper.stairs(counts, edges, color=colour, linewidth=1.4, label=f'{name}, {chosen.sum()} rows')
    upper.set_yscale('symlog', linthresh=1)
    upper.set_ylim(bottom=0)
    upper.yaxis.set_major_formatter('{x:g}')
    upper.set_ylabel('rows')
    for axes in (upper, lower):
        axes.axvline(margin, color=MARGIN_COLOUR, linestyle='--', linewidth=1.2, label=f'margin {margin:.4g}')
        axes.spines[['top', 'right']].set_visible(False)
        axes.grid(axis='x', alpha=0.25)
    upper.legend(loc='lower left', bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    for place, (_, values) in enumerate(lines):
        ticks = _thinned(values)
        lower.plot(ticks, np.full(len(ticks), place), '|', color=FAIL_COLOUR, markersize=9, alpha=0.6)
    lower.set_yticks(range(len(lines)), [f'{name} ({_found(values, margin)})' for name, values in lines],
                     fontsize=9,
                     parse_math=False)
    lower.set_ylim(len(lines) - 0.4, -0.6)
    lower.set_xlabel('score')
    lower.set_title('defects by name (found at the margin)' if lines else 'no FAIL row',
                    fontsize=10,
                    loc='left')
    figure.savefig(path)


def _lines_of_names(scores: Any, names: Any) -> Any:
    """(name, its scores) of the names with most rows, by name; the rarer ones together."""
    found, numbers, counts = np.unique(names.astype(str), return_inverse=True, return_counts=True)
    own = np.sort(np.argsort(-counts, kind='stable')[:MOST_NAMES])
    lines = [(str(found[number]), scores[numbers == number]) for number in own]
    if len(found) > MOST_NAMES:
        lines.append((f'{len(found) - MOST_NAMES} other names', scores[~np.isin(numbers, own)]))
    return lines


def _thinned(values: Any) -> Any:
    """At most MOST_TICKS of the scores: the lowest, which may escape, and evenly many of the others."""
    values = np.sort(values)
    if len(values) <= MOST_TICKS:
        return values
    half = MOST_TICKS // 2
    return np.append(values[:half], values[np.linspace(half, len(values) - 1, half).astype(int)])


def _found(values: Any, margin: Any) -> Any:
    return f'{np.count_nonzero(verdict.is_fail(values, margin))} of {len(values)}'


def plot_recall_false_alarm(path: Any, scores: np.ndarray[Any, Any], is_fail: np.ndarray[Any, Any],
                            margin: float) -> None:
    """Defect recall over the false alarm rate, whole and at high recall, with the points a line chooses from.

    Args:
        path: picture to write.
        scores: (n,) scores, finite; n may be 0.
        is_fail: (n,) bool.
        margin: the head's margin.
    """
    scores, is_fail = np.asarray(scores), np.asarray(is_fail, dtype=bool)
    figure = Figure(figsize=(11, 5.2), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    whole, high = figure.subplots(1, 2, width_ratios=[1, 1.6])
    if not 0 < np.count_nonzero(is_fail) < is_fail.size:
        missing = ' and '.join(name for name, count in (('FAIL', is_fail.sum()), ('PASS', (~is_fail).sum()))
                               if not count)
        for axes in (whole, high):
            axes.set_axis_off()
            axes.text(0.5,
                      0.5,
                      f'undefined: no {missing} row',
                      ha='center',
                      va='center',
                      transform=axes.transAxes)
        figure.savefig(path)
        return
    _, recall, rate = operating_points(scores, is_fail)
    recall, rate = _corners(100 * np.append(0, recall), 100 * np.append(0, rate))
    points = [
        _point(scores, is_fail, threshold_for_recall(scores, is_fail, wanted), marker,
               f'{100 * wanted:g} % recall') for wanted, marker in MARKED_RECALLS
    ]
    points.append(_point(scores, is_fail, margin, '*', 'margin'))
    for axes in (whole, high):
        axes.step(rate, recall, where='post', color=PASS_COLOUR, linewidth=1.6, zorder=2)
        for x, y, marker, label in points:
            axes.plot(x,
                      y,
                      marker,
                      color=FAIL_COLOUR if marker != '*' else MARGIN_COLOUR,
                      label=label,
                      clip_on=False,
                      markersize=13 if marker == '*' else 8,
                      markerfacecolor='white' if marker != '*' else MARGIN_COLOUR,
                      markeredgewidth=1.6,
                      zorder=4 if marker != '*' else 3)
        axes.set_xlabel('false alarm rate, % of PASS rows')
        axes.grid(alpha=0.25)
        axes.spines[['top', 'right']].set_visible(False)
    whole.set(ylabel='defect recall, % of FAIL rows', title='all thresholds', xlim=(0, 100), ylim=(0, 100))
    one_alarm = 100 / np.count_nonzero(~is_fail)
    lowest = min(90.0, *(y for _, y, *_ in points))
    if one_alarm < 1:
        high.set_xscale('symlog', linthresh=one_alarm, linscale=0.5)
        high.set_xticks([0, *(tick for tick in 10.0**np.arange(-6, 3) if tick >= one_alarm)])
        high.minorticks_off()
        high.xaxis.set_major_formatter('{x:g}')
    high.set(title='high recall', xlim=(0, 100), ylim=(max(0.0, 100 - 1.1 * (100 - lowest)), 100))
    figure.legend(*high.get_legend_handles_labels(),
                  loc='outside lower center',
                  ncols=len(points),
                  frameon=False,
                  fontsize=9)
    figure.savefig(path)


def _point(scores: Any, is_fail: Any, threshold: Any, marker: Any, name: Any) -> Any:
    """(false alarm rate, recall) in percent, marker and label of one threshold."""
    x, y = 100 * false_alarm_rate_at(scores, is_fail, threshold), 100 * recall_at(scores, is_fail, threshold)
    return x, y, marker, f'{name}\n{y:.2f} % found\n{x:.2f} % false alarms\nthreshold {float_text(threshold)}'


def _corners(recall: Any, rate: Any) -> Any:
    """The points where the staircase turns: a million rows draw as few lines as their mixing has."""
    found, alarms = np.diff(recall), np.diff(rate)
    turns = np.ones(len(recall), dtype=bool)
    turns[1:-1] = ~np.isclose(found[:-1] * alarms[1:], found[1:] * alarms[:-1], rtol=1e-9, atol=0)
    return recall[turns], rate[turns]


def plot_confusion(path: Any, matrix: np.ndarray[Any, Any], names: Sequence[str],
                   called: Sequence[str]) -> None:
    """Picture of a confusion matrix, each row's share in colour and its count in figures.

    Args:
        path: picture to write.
        matrix: (names, called) counts: what rows are, what they were called.
        names, called: of its rows and columns.
    """
    side = 1.6 + 0.62 * max(matrix.shape)
    figure = Figure(figsize=(side + 1.2, side), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        axes.text(column, row, str(count), ha='center', va='center',
                  color='white' if shares[row, column] > 0.6 else '#202124', fontsize=9)
    axes.set_xticks(range(len(called)), called, rotation=40, ha='right', parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_xlabel('called')
    axes.set_ylabel('is')
    figure.savefig(path)
