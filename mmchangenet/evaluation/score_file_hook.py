"""The label CSV's own rows with the network's scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import Hook

from mmchangenet.files import check_output
from mmchangenet.labels.score_file import ScoreFile, float_text, refuse_leftovers
from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class ScoreFileHook(Hook):
    """Writes a CSV after testing: the label CSV's own rows and columns in their order, and ``siamese_score``;
    with more than two classes also the name that goes with the verdict and the probabilities.

    A score has the nine digits that float32 needs; it is empty for a row that could not be scored. Needs an
    ``InspectionMetric`` in the test evaluator and a dataset with ``label_frame()``, or a ConcatDataset of
    such. What was scored when a test ends early is in ``<name>.rows.csv``: row (of the process's part, from
    0) and score.

    Args:
        out_file: the CSV to write, comma-separated UTF-8.
    """

    def __init__(self, out_file: str) -> None:
        self.out_file = Path(out_file)

    def before_test(self, runner: Any) -> None:
        """Find out before the test what would stop the file from being written after it.

        Raises:
            ValueError: when the dataset's rows cannot be told, or the file is a folder or the tested CSV
                itself.
            LookupError: when no metric keeps the rows.
        """
        parts = labelled_datasets(runner.test_dataloader.dataset)
        scored_rows(runner.test_evaluator)
        check_output(self.out_file, [part.ann_file for part in parts if hasattr(part, 'ann_file')])
        refuse_leftovers(self.out_file)
        self.out_file.parent.mkdir(parents=True, exist_ok=True)
        if is_main_process():
            self._early = open(self._early_file, 'w', encoding='utf-8')  # noqa: SIM115 (closed after the test)

    @property
    def _early_file(self) -> Any:
        return self.out_file.with_name(f'{self.out_file.name}.rows.csv')

    def after_test_iter(self, runner: Any, batch_idx: Any, data_batch: Any = None,
                        outputs: Any = None) -> None:
        """Keep the batch's scores, in case that the test does not come to its end."""
        if is_main_process():
            self._early.writelines(f'{sample.sample_idx},{float_text(sample.score)}\n' for sample in outputs)
            self._early.flush()

    @master_only
    def after_test_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Write the file."""
        rows = scored_rows(runner.test_evaluator)
        frame = label_frame(runner.test_dataloader.dataset, rows)
        scores = np.full(len(frame), np.nan, dtype=np.float32)
        scores[rows.position] = rows.score
        file = ScoreFile(self.out_file, list(frame.columns), rows.class_names, resume=False)
        file.append(frame.to_numpy(), scores.tolist(), *_names_and_shares(rows, len(frame)))
        file.finish()
        self._early.close()
        self._early_file.unlink()
        empty = int(np.count_nonzero(np.isnan(scores)))
        runner.logger.info(f'{len(frame)} rows with their scores are in {self.out_file}' +
                           (f'; {empty} of them have none' if empty else ''))


def _names_and_shares(rows: Any, count: Any) -> Any:
    """For each of ``count`` rows the name and the probabilities that it got, where there are more than two
    classes.
    """
    if rows.probabilities is None:
        return ()
    names, shares = [None] * count, [None] * count
    for place, number, share in zip(rows.position.tolist(),
                                    rows.pred_label.tolist(),
                                    rows.probabilities.tolist(),
                                    strict=True):
        names[place], shares[place] = rows.names[number] if number >= 0 else None, share
    return names, shares


def scored_rows(evaluator: Any) -> Any:
    """The rows of the evaluator's metric that keeps them, as ``InspectionMetric`` does; None before its
    evaluation.

    Raises:
        LookupError: when there is no such metric.
    """
    for metric in evaluator.metrics:
        if hasattr(metric, 'rows'):
            return metric.rows
    raise LookupError(
        'scores are taken from an InspectionMetric, but the evaluator has only '
        f'{[type(metric).__name__ for metric in evaluator.metrics]}: add dict(type="InspectionMetric") to it')


def labelled_datasets(dataset: Any) -> Any:
    """The label CSVs' datasets within ``dataset``, in order.

    Raises:
        ValueError: for a dataset that is neither one with ``label_frame()`` nor a ConcatDataset of such.
    """
    if hasattr(dataset, 'label_frame'):
        return [dataset]
    if hasattr(dataset, 'datasets'):
        return [part for child in dataset.datasets for part in labelled_datasets(child)]
    raise ValueError(
        f'the rows of a {type(dataset).__name__} cannot be written as a score file: only those of a '
        'LightingPairDataset or of a ConcatDataset of them can')


def label_frame(dataset: Any, rows: Any) -> pd.DataFrame:
    """The CSV rows, in the dataset's order, that the positions of scored rows count in.

    Args:
        dataset: as ``labelled_datasets`` takes it.
        rows: what was evaluated.

    Returns:
        one line a row of the dataset, all cells text; a column that a CSV of several lacks is empty.

    Raises:
        ValueError: when the rows came in another order than the dataset's.
    """
    frames = [part.label_frame() for part in labelled_datasets(dataset)]
    own_places = np.concatenate([np.arange(len(frame)) for frame in frames])
    if (rows.position != rows.sample_idx).any() and (own_places[rows.position] != rows.sample_idx).any():
        raise ValueError(
            'the scores cannot be told from each other: several CSVs are tested as one dataset and their '
            'rows '
            'came in another order. Use sampler=dict(type="DefaultSampler", shuffle=False) in the dataloader.'
        )
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True).fillna('')
