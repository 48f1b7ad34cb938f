"""A threshold picked on data, and put where evaluation, inference and export use it: into the checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mmengine.config import Config

from mmchangenet.checkpoint import read_checkpoint, write_checkpoint
from mmchangenet.labels.pass_rule import PassRule
from mmchangenet.labels.score_file import SCORE_COLUMN
from mmchangenet.thresholds import ThresholdError

from .score_file_hook import labelled_datasets, scored_rows
from .scored_rows import UNLABELLED


def read_score_file(path: str | Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Scores and labels out of a CSV as ``ScoreFileHook`` writes it.

    Args:
        path: a CSV with columns ``label`` and ``siamese_score``.

    Returns:
        scores (n,) float32, NaN where there is none, and (n,) bool, whether the label is
        another one than PASS.

    Raises:
        ThresholdError: when it is no CSV, a column is missing, a label is empty or a score is no number;
            names the first row.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding='utf-8-sig')
    except ValueError as error:  # pandas' own and those of decoding
        raise ThresholdError(f'{path} is no CSV with a header: {error}') from error
    missing = [name for name in ('label', SCORE_COLUMN) if name not in frame.columns]
    if missing:
        raise ThresholdError(
            f'{path} has no column {" and no column ".join(missing)}, only {", ".join(frame.columns)}: give '
            'a '
            'file that tools/test.py --out wrote for a CSV with labels')
    labels = frame['label'].str.strip()
    if (labels == '').any():
        raise ThresholdError(
            f'{path}: {_first(labels == "")}no label, so it cannot be told whether it is a defect')
    texts = frame[SCORE_COLUMN].str.strip()
    scores = pd.to_numeric(texts, errors='coerce')
    wrong = scores.isna() & (texts != '')
    if wrong.any():
        raise ThresholdError(f'{path}: {_first(wrong)}{SCORE_COLUMN} {texts[wrong].iloc[0]!r} is no number')
    return scores.to_numpy(dtype=np.float32), ~labels.map(PassRule().is_pass).to_numpy(dtype=bool)


def _first(chosen: Any) -> Any:
    return f'{int(chosen.sum())} rows, the first is row {int(np.flatnonzero(chosen)[0])} (from 0): '


def validation_as_test(config: str | Path, cfg_options: dict[str, Any] | None = None) -> dict[str, Any]:
    """What makes a test of a config's validation: ``cfg_options`` for ``prepare_test``.

    Args:
        config: config with a ``val_dataloader``.
        cfg_options: further values to replace, such as ``val_dataloader.dataset.ann_file``.

    Returns:
        values of the config to replace.

    Raises:
        ThresholdError: when the config has no validation data.
    """
    content = Config.fromfile(config)
    content.merge_from_dict(cfg_options or {})
    if not content.get('val_dataloader'):
        raise ThresholdError(f'{config} has no val_dataloader, and a threshold is picked on validation data')
    loader = content.val_dataloader.to_dict()
    if content.get('test_dataloader'):
        loader['_delete_'] = True  # MMEngine's word for replacing instead of merging
    return {
        **(cfg_options or {}), 'test_dataloader': loader,
        'test_evaluator': [dict(type='mmchangenet.InspectionMetric')]
    }


def labelled_scores(runner: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], str]:
    """Scores and labels of a finished test.

    Args:
        runner: runner with an ``InspectionMetric``, after its ``test()``.

    Returns:
        scores and labels as ``read_score_file`` gives them, the name of the CSV.

    Raises:
        ThresholdError: when rows have no label.
    """
    rows = scored_rows(runner.test_evaluator)
    data = ', '.join(Path(part.ann_file).name for part in labelled_datasets(runner.test_dataloader.dataset))
    unlabelled = int(np.count_nonzero(rows.gt_fail == UNLABELLED))
    if unlabelled:
        raise ThresholdError(
            f'{unlabelled} rows of {data} have no label, so it cannot be told whether they are defects')
    return rows.score, rows.gt_fail == 1, data


def write_threshold(checkpoint: str | Path, threshold: dict[str, Any],
                    out: str | Path | None = None) -> dict[str, Any] | None:
    """Put a threshold into a checkpoint; it becomes the head's margin wherever the checkpoint is loaded.

    Args:
        checkpoint: checkpoint to read.
        threshold: as ``pick_threshold`` gives it; any further plain values may be added.
        out: file to write; the checkpoint itself by default.

    Returns:
        the threshold that was there before.

    Raises:
        CheckpointError: when the checkpoint is none.
        ThresholdError: when the file to write cannot hold a threshold.
    """
    out = Path(out or checkpoint)
    if out.suffix == '.safetensors':
        raise ThresholdError(
            f'{out}: a safetensors file holds weights only and no threshold. Write a .pth file with --out.')
    content = read_checkpoint(checkpoint)
    if 'state_dict' not in content:
        content = dict(state_dict=content)
    meta = content.setdefault('meta', {})
    before = meta.get('threshold')
    meta['threshold'] = dict(threshold)
    write_checkpoint(content, out)
    return before
