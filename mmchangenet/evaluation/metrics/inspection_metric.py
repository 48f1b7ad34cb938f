"""Figures of an inspection: accuracy at the margin, ranking, false alarms at a wanted defect recall."""

from __future__ import annotations

import logging
import math
from array import array
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from mmengine.dist import all_gather_object, broadcast_object_list, get_world_size, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmchangenet.registry import METRICS

from ..inspection_figures import Table, inspection_figures, report
from ..scored_rows import UNLABELLED, ScoredRows

# column → (array type code while collecting, numpy type afterwards)
COLUMNS = dict(
    sample_idx=('q', np.int64), score=('f', np.float32), gt_fail=('b', np.int8), pred_fail=('b', bool),
    loss=('d', np.float64), loss_weight=('d', np.float64), label=('i', np.int32), pred_label=('i', np.int32),
    unknown_label=('b', bool))


@METRICS.register_module()
class InspectionMetric(BaseMetric):
    """What a line wants to know of an inspection.

    Figures of a two-sided decision are at the head's margin, as the head decided (``pred_fail``); every name
    but PASS is a FAIL. Rates are in percent, AUROC and average precision 0 to 1. An undefined figure (no FAIL
    row, no PASS row) is NaN, which no best checkpoint is chosen by, and the log says why.

    Keys:
        ``average_precision``, ``auroc``: scikit-learn's.
        ``total_accuracy``, ``false_alarm`` (PASS called FAIL), ``false_negative`` (FAIL called PASS): of all
        rows. ``defect_accuracy``: FAIL called FAIL, of the FAIL rows. ``false_alarm_rate``: PASS called FAIL,
        of the PASS rows. ``false_alarm_rate_at_99_recall``, ``threshold_at_99_recall``: and for the other
        recalls; the threshold gives the recall, as ``verdict.is_fail`` calls rows. ``val_loss``: weighted
        mean over rows, where the samples carry losses. ``recall/<name>``: defects of that name called FAIL.
        ``class_accuracy``, ``class_recall/<name>``: rows whose very name was found, and ``unknown_label``:
        rows whose name the model does not know; with more than two classes. ``rows``, ``unscored``: counts.
        Rows without a score are in no other figure.
    Without labels only the counts are given. Choose the best checkpoint by ``auroc`` or ``defect_accuracy``
    with ``rule='greater'``, by a ``false_alarm_rate`` with ``rule='less'``; MMEngine knows the rule of the
    others.

    Args:
        recalls: defect recalls, shares above 0 and up to 1, that thresholds are reported for.
        prefix: put before every key, with a slash.

    Attributes:
        rows: the rows of the last evaluation, on the main process.
        tables: their report.

    Raises:
        ValueError: when a recall is out of range.
    """

    default_prefix = ''

    def __init__(self, recalls: Sequence[float] = (1.0, 0.99, 0.95), prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        wrong = [recall for recall in recalls if not 0 < recall <= 1]
        if wrong:
            raise ValueError(
                f'recalls of InspectionMetric are shares above 0 and up to 1, got {wrong}: for 99 % give 0.99'
            )
        self.recalls = tuple(recalls)
        self.rows: ScoredRows | None = None
        self.tables: list[Table] = []
        self._forget()

    def _forget(self) -> None:
        self._columns = {name: array(code) for name, (code, _) in COLUMNS.items()}
        self._names: dict[str, int] = {}
        self._errors: dict[int, str] = {}
        self._margin: float | None = None
        self._classes: list[str] = []
        self._shares = array('f')

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep what the figures need of a batch.

        Args:
            data_batch: not used.
            data_samples: samples with ``sample_idx``, ``score`` and ``pred_fail``, and where there are
                labels ``label``, ``gt_fail``, ``loss`` and ``loss_weight``. May have ``error``,
                ``pred_label``, ``unknown_label`` and ``margin`` (the head's, for the report).

        Raises:
            KeyError: when a sample lacks what the head has to set.
        """
        columns, names, start = self._columns, self._names, len(self._columns['sample_idx'])
        try:
            for key in ('sample_idx', 'score', 'pred_fail'):
                columns[key].extend(map(itemgetter(key), data_samples))
        except KeyError as error:
            raise KeyError(
                f'InspectionMetric needs samples with {error}: ``sample_idx`` comes from the dataset by way '
                'of '
                'PackChangeInputs, ``score`` and ``pred_fail`` from the head\'s ``predict``') from error
        for key, default in (('gt_fail', UNLABELLED), ('unknown_label', False), ('loss', math.nan),
                             ('loss_weight', math.nan)):
            columns[key].extend([sample.get(key, default) for sample in data_samples])
        for key in ('label', 'pred_label'):
            columns[key].extend([names.setdefault(name, len(names)) if name else -1
                                 for name in [sample.get(key) for sample in data_samples]])
        for number, sample in enumerate(data_samples, start):
            if 'error' in sample:
                self._errors[number] = sample['error']
        if data_samples:
            self._margin = data_samples[0].get('margin', self._margin)
        if any('pred_label' in sample for sample in data_samples):
            self._take_classes(data_samples)

    def _take_classes(self, data_samples: Any) -> None:
        """The probabilities of a batch, where there are more than two classes."""
        self._classes = next((sample['class_names'] for sample in data_samples if 'class_names' in sample),
                             self._classes)
        for sample in data_samples:
            self._shares.extend(sample.get('probabilities') or [math.nan] * len(self._classes))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather the processes' rows, compute the figures on the main process and log them.

        Args:
            size: rows of the whole dataset; what samplers add to give every process as many is dropped.

        Returns:
            the figures, on every process.
        """
        part = (self._columns, list(self._names), self._errors, self._margin, list(self._classes),
                self._shares)
        parts = all_gather_object(part) if get_world_size() > 1 else [part]
        self._forget()
        self.rows, self.tables = None, []
        figures: list[Any] = [None]
        if is_main_process():
            rows = self.rows = _join(parts, size)
            figures = [self.compute_metrics(rows)]
        broadcast_object_list(figures)
        return {f'{self.prefix}/{key}' if self.prefix else key: value for key, value in figures[0].items()}

    def compute_metrics(self, results: ScoredRows) -> dict[str, float]:
        """The figures of rows, and a log of them.

        Args:
            results: all rows.

        Returns:
            the figures.
        """
        figures = inspection_figures(results, self.recalls)
        self.tables = report(results, figures, self.recalls)
        complete = results.scored.all() and not results.unknown_label.any()
        print_log('\n' + '\n'.join(map(str, self.tables)),
                  logger='current',
                  level=logging.INFO if complete else logging.WARNING)
        return figures


def _join(parts: Any, size: Any) -> Any:
    """The processes' columns as rows in the dataset's order, each row once.

    MMEngine's samplers deal rows out in turn: row k of process r of w is number k·w + r. A single dataset's
    rows are told apart and ordered by ``sample_idx``, whatever the sampler. In a ConcatDataset those repeat,
    and the turn decides.
    """
    joined: dict[str, Any] = {name: [] for name in COLUMNS}
    turns: list[Any] = []
    names: dict[str, int] = {}
    errors: dict[int, str] = {}
    for rank, (columns, part_names, part_errors, *_) in enumerate(parts):
        start = sum(map(len, turns))
        numbers = np.array([names.setdefault(name, len(names)) for name in part_names] + [-1], dtype=np.int32)
        for name, (code, dtype) in COLUMNS.items():
            values = np.frombuffer(columns[name], dtype=code) if columns[name] else np.zeros(0, dtype=code)
            joined[name].append(numbers[values] if name in ('label', 'pred_label') else values.astype(dtype))
        turns.append(np.arange(len(values)) * len(parts) + rank)
        errors.update({start + row: message for row, message in part_errors.items()})
    joined = {name: np.concatenate(values) for name, values in joined.items()}
    order = np.argsort(np.concatenate(turns))
    unique = np.unique(joined['sample_idx'][order], return_index=True)[1]
    single = len(unique) in (size, len(order))
    keep = order[unique] if single else order[:size]
    rows = ScoredRows(
        **{name: values[keep] for name, values in joined.items()}, names=list(names), margin=parts[0][3],
        position=joined['sample_idx'][keep] if single else np.arange(len(keep)))
    unscored = np.flatnonzero(~rows.scored)
    rows.errors = {
        int(rows.position[row]): errors.get(int(keep[row]),
                                            f'the network gave {rows.score[row]} as the score')
        for row in unscored
    }
    rows.score[unscored] = np.nan
    rows.class_names = next((part[4] for part in parts if part[4]), [])
    if rows.class_names:
        shares = [np.frombuffer(part[5], np.float32).reshape(-1, len(rows.class_names)) if part[5]
                  else np.zeros((0, len(rows.class_names)), np.float32) for part in parts]
        rows.probabilities = np.concatenate(shares)[keep]
    return rows
