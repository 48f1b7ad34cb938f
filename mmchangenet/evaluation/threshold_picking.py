"""A threshold picked on data, and put where evaluation, inference and export use it: into the checkpoint."""

from pathlib import Path

import numpy as np
import pandas as pd
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmchangenet.checkpoint import read_checkpoint, write_checkpoint

from .score_file import SCORE_COLUMN, labelled_datasets, scored_rows

NOT_FOR_TESTING = (
    'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'val_cfg', 'val_evaluator')


def read_score_file(path):
    """Scores and labels out of a CSV as ``ScoreFileHook`` writes it.

    Args:
        path (str | Path): a CSV with columns ``label`` and ``siamese_score``.

    Returns:
        tuple[np.ndarray, np.ndarray]: scores (n,) float32, NaN where there is none, and (n,) bool, whether the label is
        another one than PASS.

    Raises:
        ValueError: when a column is missing, a label is empty or a score is no number; names the first line.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding='utf-8-sig')
    missing = [name for name in ('label', SCORE_COLUMN) if name not in frame.columns]
    if missing:
        raise ValueError(f'{path} has no column {" and no column ".join(missing)}, only {", ".join(frame.columns)}: give a '
                         'file that tools/test.py --out wrote for a CSV with labels')
    labels = frame['label'].str.strip()
    if (labels == '').any():
        raise ValueError(f'{path}: {_first(labels == "")}no label, so it cannot be told whether it is a defect')
    texts = frame[SCORE_COLUMN].str.strip()
    scores = pd.to_numeric(texts, errors='coerce')
    wrong = scores.isna() & (texts != '')
    if wrong.any():
        raise ValueError(f'{path}: {_first(wrong)}{SCORE_COLUMN} {texts[wrong].iloc[0]!r} is no number')
    return scores.to_numpy(dtype=np.float32), (labels.str.upper() != 'PASS').to_numpy()


def _first(chosen):
    return f'{int(chosen.sum())} rows, the first is row {int(np.flatnonzero(chosen)[0])} (from 0): '


def score_validation_data(config, checkpoint, cfg_options=None):
    """Score the validation data of a config with a checkpoint's network.

    Args:
        config (str | Path | Config): config with a ``val_dataloader``.
        checkpoint (str | Path): weights to load; they must fit as for a test.
        cfg_options (dict, optional): replaces keys of the config.

    Returns:
        tuple[np.ndarray, np.ndarray, str]: scores and labels as ``read_score_file`` gives them, the name of the CSV.

    Raises:
        ValueError: when the config has no validation data or its CSV no labels.
    """
    config = config if isinstance(config, Config) else Config.fromfile(config)
    config.merge_from_dict(cfg_options or {})
    if not config.get('val_dataloader'):
        raise ValueError(f'{config.filename} has no val_dataloader, and a threshold is picked on validation data')
    config.setdefault('work_dir', str(Path(checkpoint).parent))
    config.update(load_from=str(checkpoint), resume=False, test_dataloader=config.val_dataloader, test_cfg={},
                  test_evaluator=dict(type='mmchangenet.InspectionMetric'))
    for key in NOT_FOR_TESTING:
        config.pop(key, None)
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    runner.test()
    rows = scored_rows(runner.test_evaluator)
    names = [Path(part.ann_file).name for part in labelled_datasets(runner.test_dataloader.dataset)]
    if (rows.gt_fail < 0).any():
        raise ValueError(f'{int((rows.gt_fail < 0).sum())} rows of {", ".join(names)} have no label')
    return rows.score, rows.gt_fail == 1, ', '.join(names)


def write_threshold(checkpoint, threshold, out=None):
    """Put a threshold into a checkpoint; it becomes the head's margin wherever the checkpoint is loaded.

    Args:
        checkpoint (str | Path): checkpoint to read.
        threshold (dict): as ``pick_threshold`` gives it; any further plain values may be added.
        out (str | Path, optional): file to write; the checkpoint itself by default.

    Returns:
        dict | None: the threshold that was there before.

    Raises:
        CheckpointError: when the checkpoint is none.
        ValueError: when the file to write cannot hold a threshold.
    """
    out = Path(out or checkpoint)
    if out.suffix == '.safetensors':
        raise ValueError(f'{out}: a safetensors file holds weights only and no threshold. Write a .pth file with --out.')
    content = read_checkpoint(checkpoint)
    if 'state_dict' not in content:
        content = dict(state_dict=content)
    meta = content.setdefault('meta', {})
    before = meta.get('threshold')
    meta['threshold'] = dict(threshold)
    write_checkpoint(content, out)
    return before
