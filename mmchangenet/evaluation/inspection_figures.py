"""The figures of an inspection, and the table that shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from mmchangenet.labels.score_file import float_text
from mmchangenet.thresholds import false_alarm_rate_at, threshold_for_recall

LISTED = 50  # unscored rows that a table lists; the score file shows all


def inspection_figures(rows: Any, recalls: Sequence[float]) -> dict[str, float]:
    """All figures of scored rows as plain floats. Rates are in percent; a figure that is undefined is NaN.

    Args:
        rows: n rows; those without a score or a label are only counted.
        recalls: the defect recalls, as shares, that thresholds are wanted for.

    Returns:
        without any labelled row only ``rows`` and ``unscored``; see ``InspectionMetric`` for the others.
    """
    figures = {}
    if (rows.gt_fail >= 0).any():
        counted = rows.counted
        scores, is_fail, called_fail = rows.score[counted], rows.gt_fail[counted] == 1, rows.pred_fail[
            counted]
        # MMEngine's save_best='auto' takes the first key; it can tell that more precision is better
        figures.update(_ranking(scores, is_fail))
        figures.update(_at_margin(is_fail, called_fail))
        for recall in recalls:
            figures.update(_at_recall(scores, is_fail, recall))
        figures.update(_loss(rows))
        figures.update(_by_name(rows))
    figures.update(rows=float(len(rows)), unscored=float(np.count_nonzero(~rows.scored)))
    return figures


def recall_key(recall: Any) -> Any:
    """How keys name a recall: 0.99 → ``99_recall``."""
    return f'{100 * recall:.9g}_recall'


def _percent(part: Any, whole: Any) -> Any:
    return 100 * part / whole if whole else math.nan


def _ranking(scores: Any, is_fail: Any) -> Any:
    fails = np.count_nonzero(is_fail)
    both = 0 < fails < is_fail.size
    return dict(
        average_precision=float(average_precision_score(is_fail, scores)) if fails else math.nan,
        auroc=float(roc_auc_score(is_fail, scores)) if both else math.nan)


def _at_margin(is_fail: Any, called_fail: Any) -> Any:
    fails = int(np.count_nonzero(is_fail))
    found = int(np.count_nonzero(is_fail & called_fail))
    alarms = int(np.count_nonzero(~is_fail & called_fail))
    total = is_fail.size
    return dict(
        total_accuracy=_percent(total - alarms - (fails - found), total),
        false_alarm=_percent(alarms, total),
        false_negative=_percent(fails - found, total),
        defect_accuracy=_percent(found, fails),
        false_alarm_rate=_percent(alarms, total - fails))


def _at_recall(scores: Any, is_fail: Any, recall: Any) -> Any:
    key = recall_key(recall)
    threshold = threshold_for_recall(scores, is_fail, recall) if is_fail.any() else math.nan
    rate = 100 * false_alarm_rate_at(scores, is_fail, threshold) if is_fail.any() else math.nan
    return {f'false_alarm_rate_at_{key}': rate, f'threshold_at_{key}': threshold}


def _loss(rows: Any) -> Any:
    known = rows.scored & ~np.isnan(rows.loss)
    if not known.any():
        return {}
    weight = np.where(np.isnan(rows.loss_weight), 1.0, rows.loss_weight)[known]
    total = float(weight.sum())
    return dict(val_loss=float(np.sum(rows.loss[known] * weight)) / total if total else math.nan)


def _by_name(rows: Any) -> Any:
    figures = {f'recall/{name}': _percent(found, count) for name, count, found in defect_counts(rows)}
    if (rows.pred_label >= 0).any():
        known = rows.counted & ~rows.unknown_label
        right = known & (rows.label == rows.pred_label)
        figures['class_accuracy'] = _percent(int(np.count_nonzero(right)), int(np.count_nonzero(known)))
        for name, count, named_right in _counts_by_name(rows, known, right):
            figures[f'class_recall/{name}'] = _percent(named_right, count)
        figures['unknown_label'] = float(np.count_nonzero(rows.unknown_label))
    return figures


def defect_counts(rows: Any) -> list[tuple[str, int, int]]:
    """Each defect name in alphabetical order, the rows that have it and a score, and how many are called
    FAIL.

    Returns:
        (name, rows, found).
    """
    fails = rows.counted & (rows.gt_fail == 1)
    return _counts_by_name(rows, fails, fails & rows.pred_fail)


def _counts_by_name(rows: Any, chosen: Any, right: Any) -> Any:
    """(name, chosen rows, right ones among them) of each name that occurs among the chosen."""
    counts = np.bincount(rows.label[chosen & (rows.label >= 0)], minlength=len(rows.names))
    rights = np.bincount(rows.label[right & (rows.label >= 0)], minlength=len(rows.names))
    return sorted((name, int(count), int(hit))
                  for name, count, hit in zip(rows.names, counts, rights, strict=True) if count)


@dataclass
class Table:
    """A part of the report: a title, a header and lines of cells, all text.

    The first column and those headed as one of ``text_columns`` are words, the others numbers.
    """

    text_columns = ('of', 'reason')

    title: str
    header: list[str] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)

    def __str__(self) -> str:
        cells = [line for line in (self.header, *self.lines) if line]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = []
        for line in cells:
            first, *others = (cell.ljust(width) if number == 0 or self.header[number] in self.text_columns
                              else cell.rjust(width)
                              for number, (cell, width) in enumerate(zip(line, widths, strict=True)))
            lines.append('  ' + '   '.join([first, *others]).rstrip())
        return '\n'.join([self.title, *lines])


def report(rows: Any, figures: dict[str, float], recalls: Sequence[float]) -> list[Table]:
    """The figures as tables for the log and for pages.

    Args:
        rows: the rows that the figures are of.
        figures: as ``inspection_figures`` gives them.
        recalls: the same as there.

    Returns:
        tables that have something to say.
    """
    counted = rows.counted
    fails = int(np.count_nonzero(rows.gt_fail[counted] == 1))
    passes = int(np.count_nonzero(counted)) - fails
    title = f'{len(rows)} rows'
    if 'auroc' not in figures:
        tables = [Table(f'{title}: no label, so there are scores but no figures')]
    else:
        title += f': {passes} PASS and {fails} FAIL with a score'
        tables = [
            _margin_table(title, rows, figures, passes, fails),
            _recall_table(figures, recalls, passes, fails)
        ]
        if fails:
            tables.append(_defect_table(rows, figures))
    if len(rows.class_names) > 2 and 'auroc' in figures:
        tables.append(_confusion_table(rows))
    if rows.unknown_label.any():
        tables.append(_unknown_table(rows))
    if not rows.scored.all():
        tables.append(_unscored_table(rows))
    return tables


def _cell(value: Any, text: Any, passes: Any, fails: Any) -> Any:
    """``text`` of a defined value, the reason of an undefined one."""
    if not math.isnan(value):
        return text
    missing = ' and '.join(f'no {name}' for name, count in (('FAIL', fails), ('PASS', passes)) if not count)
    return f'undefined ({missing} row)' if missing else 'undefined'


def _margin_table(title: Any, rows: Any, figures: Any, passes: Any, fails: Any) -> Any:
    at = '' if rows.margin is None else f' {float_text(rows.margin)}'
    table = Table(f'{title}; at the margin{at}:', ['figure', 'value', 'of'])
    every, of_fail, of_pass = f'all {passes + fails} rows', f'{fails} FAIL rows', f'{passes} PASS rows'
    for key, whole in (('total_accuracy', every), ('false_alarm', every), ('false_negative', every),
                       ('defect_accuracy', of_fail), ('false_alarm_rate', of_pass), ('class_accuracy',
                                                                                     'rows of known names')):
        if key in figures:
            table.lines.append(
                [key.replace('_', ' '),
                 _cell(figures[key], f'{figures[key]:.2f} %', passes, fails), whole])
    for key, name in (('auroc', 'AUROC'), ('average_precision', 'average precision'), ('val_loss',
                                                                                       'val_loss')):
        if key in figures:
            table.lines.append([name, _cell(figures[key], f'{figures[key]:.5f}', passes, fails), ''])
    return table


def _recall_table(figures: Any, recalls: Any, passes: Any, fails: Any) -> Any:
    table = Table('At a wanted defect recall:',
                  ['recall', 'threshold', 'false alarm rate', 'false alarms', 'of'])
    for recall in recalls:
        rate, threshold = (figures[f'{name}_at_{recall_key(recall)}']
                           for name in ('false_alarm_rate', 'threshold'))
        alarms = '' if math.isnan(rate) else f'{rate * passes / 100:.0f}'
        table.lines.append([f'{100 * recall:.9g} %', _cell(threshold, float_text(threshold), passes, fails),
                            _cell(rate, f'{rate:.2f} %', passes, fails), alarms, f'{passes} PASS rows'])
    return table


def _defect_table(rows: Any, figures: Any) -> Any:
    table = Table('By defect, at the margin:', ['defect', 'rows', 'found', 'recall'])
    by_class = any(key.startswith('class_recall/') for key in figures)
    if by_class:
        table.header.append('named rightly')
    for name, count, found in sorted(defect_counts(rows), key=lambda line: (line[2] / line[1], -line[1])):
        line = [name, str(count), str(found), f'{100 * found / count:.2f} %']
        if by_class:
            share = figures.get(f'class_recall/{name}')
            line.append('' if share is None else f'{share:.2f} %')
        table.lines.append(line)
    return table


def _confusion_table(rows: Any) -> Any:
    matrix, names, called = rows.confusion()
    return Table('What rows are, and what they were called at the margin:', ['is', *called],
                 [[name, *map(str, counts)] for name, counts in zip(names, matrix.tolist(), strict=True)])


def _unknown_table(rows: Any) -> Any:
    names, counts = np.unique(rows.label_names()[rows.unknown_label].astype(str), return_counts=True)
    return Table('Names that the model does not know; they count as FAIL:', ['name', 'rows'],
                 [[str(name), str(count)] for name, count in zip(names, counts, strict=True)])


def _unscored_table(rows: Any) -> Any:
    unscored = rows.position[~rows.scored].tolist()
    more = f' (the first {LISTED})' if len(unscored) > LISTED else ''
    return Table(f'{len(unscored)} of {len(rows)} rows have no score and are in no figure{more}:',
                 ['row (from 0)', 'reason'],
                 [[str(position), rows.errors[position]] for position in unscored[:LISTED]])
