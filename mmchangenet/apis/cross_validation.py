"""Leave one group out: every row is scored by a network whose training has not seen the row's group.

The scores of different folds are compared as they are: all networks have the same config, head and loss, and
their score is the same quantity. If one network's scores lie higher than another's all the same, the pooled
figures show it as false alarms or escapes, as on a line that keeps its threshold for the next network.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mmengine.config import Config
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from mmchangenet import verdict
from mmchangenet.apis.launch import prepare_train
from mmchangenet.datasets.splitting import boards_of
from mmchangenet.evaluation.score_file_hook import scored_rows
from mmchangenet.files import replacing, write_text
from mmchangenet.labels.cells import LABEL_COLUMN
from mmchangenet.labels.label_frame import read_label_csv
from mmchangenet.labels.pass_rule import GOOD_LABEL
from mmchangenet.labels.score_file import SCORE_COLUMN, float_text
from mmchangenet.thresholds import false_alarm_rate_at, threshold_for_recall

RECALLS = (0.99, 1.0)
BOARD = 'board'
POOLED = 'all groups'
# of a dataset: which rows and which images
SOURCE_KEYS = ('data_root', 'ann_file', 'data_prefix', 'image_ext', 'input_map', 'num_golden', 'pass_labels')
FOLD_COLUMNS = ('row', 'group', 'fold', 'seed', SCORE_COLUMN)


class GroupError(ValueError):
    """The rows cannot be divided into groups to be left out one by one."""


def groups_of(frame: pd.DataFrame, spec: str) -> NDArray[Any]:
    """The group of each row.

    Args:
        frame: as :func:`read_label_csv` gives it.
        spec: a column, ``board`` (the board's folder, ``input_path``), or a regular expression, searched in
            ``{input_path}/{object_name}``; its first group, or the whole match without one, is the row's.

    Returns:
        (N,) str.

    Raises:
        GroupError: when the rows have no such groups, or they cannot be left out one by one.
    """
    try:
        if spec in frame.columns or spec == BOARD:
            groups = boards_of(frame, spec if spec in frame.columns else 'input_path')
        else:
            groups = boards_of(frame, pattern=spec)
    except ValueError as error:
        raise GroupError(f'--groups {spec}: there is no column of that name ({", ".join(frame.columns)}), '
                         f'and as an expression: {error}') from error
    names = groups.to_numpy(dtype=object)
    _check_groups(names, frame, spec)
    return names


def _check_groups(groups: NDArray[Any], frame: pd.DataFrame, spec: str) -> None:
    if LABEL_COLUMN not in frame:
        raise GroupError(f'there is no column {LABEL_COLUMN!r}: folds are trained and measured on labels')
    wrong = []
    empty = np.flatnonzero(groups == '')
    if empty.size:
        wrong.append(f'{empty.size} rows have an empty group, the first is row {empty[0]} (from 0)')
    names = sorted(set(groups))
    if len(names) < 2:
        wrong.append(f'all rows are in the group {names[0]!r}: at least two are needed to leave one out')
    is_fail = (frame[LABEL_COLUMN] != GOOD_LABEL).to_numpy()
    for name in names:
        for kind, chosen in (('PASS', ~is_fail), ('FAIL', is_fail)):
            if not chosen[groups == name].any():
                wrong.append(f'group {name!r} has no {kind} row, so nothing can be measured on it: join it '
                             'with another, or leave its rows out of the CSV')
    if wrong:
        raise GroupError(f'--groups {spec} cannot be left out one by one:\n  ' + '\n  '.join(wrong))


def cross_validate(config: Config, spec: str, work_dir: str | Path, seeds: Sequence[int] = (0, )
                   ) -> Iterator[tuple[int, str]]:
    """Train and score all folds that ``work_dir`` does not have yet; a training that was stopped goes on.

    The rows are those of the config's ``train_dataloader.dataset``; they are scored through the pipeline of
    ``test_dataloader``. Nothing is validated meanwhile: the last epoch's network scores, so that no row
    chooses its own network.

    Args:
        config: of one training.
        spec: as :func:`groups_of` takes it.
        work_dir: where folds, scores and settings are kept.
        seeds: one training of every fold for each.

    Yields:
        seed and group of every fold that is complete, also of those that were before.

    Raises:
        GroupError: as :func:`groups_of`.
        ValueError: when ``work_dir`` is of another config, CSV or division into groups.
    """
    work_dir = Path(work_dir)
    frame = _frame(config)
    groups = groups_of(frame, spec)
    _claim(work_dir, config, spec)
    for seed in seeds:
        for fold, group in enumerate(sorted(set(groups))):
            file = fold_file(work_dir, seed, fold)
            if not file.exists():
                inside = np.flatnonzero(groups == group)
                outside = np.flatnonzero(groups != group)
                scores = _fold_scores(config, inside, outside, seed, file.with_suffix(''))
                lines = pd.DataFrame(dict(zip(FOLD_COLUMNS, (
                    inside, group, fold, seed, [float_text(score) for score in scores]), strict=True)))
                _write_csv(lines, file)
            yield seed, str(group)


def label_csv(config: Config) -> Path:
    """The CSV whose rows are divided."""
    dataset = config.train_dataloader.dataset
    if 'ann_file' not in dataset:
        raise ValueError(f'train_dataloader.dataset is a {dataset.get("type")}: give it one '
                         'LightingPairDataset with all rows')
    return Path(dataset.get('data_root') or '', dataset.ann_file)


def _frame(config: Config) -> pd.DataFrame:
    return read_label_csv(label_csv(config), config.train_dataloader.dataset.get('pass_labels', ()))


def fold_file(work_dir: str | Path, seed: int, fold: int) -> Path:
    """Where a fold's scores are kept."""
    return Path(work_dir, f'seed_{seed}', f'fold_{fold}.csv')


def _claim(work_dir: Path, config: Config, spec: str) -> None:
    """Note what the folder is for, or see that it is for the same."""
    plain = copy.deepcopy(config)
    plain.work_dir = None
    wanted = dict(groups=spec, config=hashlib.sha256(plain.pretty_text.encode()).hexdigest(),
                  label_csv=hashlib.sha256(label_csv(config).read_bytes()).hexdigest())
    file = work_dir / 'cross_validation.json'
    if file.exists():
        other = [key for key, value in json.loads(file.read_text()).items() if wanted.get(key) != value]
        if other:
            raise ValueError(f'{work_dir} has folds of another {" and ".join(other)}: choose another folder')
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    write_text(json.dumps(wanted, indent=2), file)


def _fold_scores(config: Config, inside: NDArray[np.int64], outside: NDArray[np.int64], seed: int,
                 work_dir: Path) -> NDArray[np.float32]:
    """Train on the rows ``outside``, score those ``inside``: (len(inside),) NaN where there is none."""
    runner = prepare_train(fold_config(config, inside, outside, seed), work_dir, resume='auto')
    runner.train()
    runner.test()
    rows = scored_rows(runner.test_evaluator)
    scores = np.full(len(inside), np.nan, np.float32)
    scores[rows.position] = rows.score
    return scores


def fold_config(config: Config, inside: NDArray[np.int64], outside: NDArray[np.int64], seed: int
                ) -> Config:
    """The config of one fold: it trains on the rows ``outside`` and tests on those ``inside``."""
    fold = copy.deepcopy(config)
    fold.randomness = dict(fold.get('randomness') or {}, seed=seed)
    fold.val_dataloader = fold.val_cfg = fold.val_evaluator = None
    if 'checkpoint' in (fold.get('default_hooks') or {}):
        fold.default_hooks.checkpoint.pop('save_best', None)
    train, test = fold.train_dataloader.dataset, fold.test_dataloader.dataset
    for key in SOURCE_KEYS:
        if key in train:
            test[key] = copy.deepcopy(train[key])
    train.indices, test.indices = outside.tolist(), inside.tolist()
    fold.test_cfg = fold.get('test_cfg') or {}
    return fold


def read_scores(config: Config, work_dir: str | Path, seeds: Sequence[int], folds: int) -> pd.DataFrame:
    """The rows of all folds and seeds: :data:`FOLD_COLUMNS` and then the label CSV's own columns."""
    parts = [pd.read_csv(fold_file(work_dir, seed, fold), dtype={'group': str}, keep_default_na=False,
                         na_values={SCORE_COLUMN: ['']}) for seed in seeds for fold in range(folds)]
    scores = pd.concat(parts).sort_values(['seed', 'row'], ignore_index=True)
    labels = _frame(config)
    own = labels.drop(columns=[name for name in FOLD_COLUMNS if name in labels])
    return pd.concat([scores, own.iloc[scores['row']].reset_index(drop=True)], axis=1)


def write_scores(scores: pd.DataFrame, path: str | Path) -> None:
    """Write what :func:`read_scores` gives as the score file."""
    texts = [float_text(score) for score in scores[SCORE_COLUMN]]
    _write_csv(scores.assign(**{SCORE_COLUMN: texts}), Path(path))


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(frame.to_csv(index=False, lineterminator='\n').encode())


@dataclass(frozen=True)
class GroupFigures:
    """Figures of a group, or of all, under one seed. Rates are shares.

    Attributes:
        rows, fails: numbers of rows, and of FAIL rows among them.
        unscored: rows without a score; they count as called FAIL.
        auroc: of the rows with a score.
        false_alarms: recall → false alarm rate at the threshold that gives this recall on these very rows.
        kept: recall promised by the other groups' rows → recall here at that threshold.
        kept_false_alarms: the same → false alarm rate here.
    """

    rows: int
    fails: int
    unscored: int
    auroc: float
    false_alarms: dict[float, float]
    kept: dict[float, float]
    kept_false_alarms: dict[float, float]


def figures_of(scores: pd.DataFrame, recalls: Sequence[float] = RECALLS
               ) -> dict[str, dict[int, GroupFigures]]:
    """Figures of every group and of all groups pooled, by seed.

    A group's threshold comes from the scores of all other groups, each by a network that has not seen it.
    """
    found: dict[str, dict[int, GroupFigures]] = {}
    for seed, rows in scores.groupby('seed'):
        score, group = rows[SCORE_COLUMN].to_numpy(np.float32), rows['group'].to_numpy()
        is_fail = (rows[LABEL_COLUMN] != GOOD_LABEL).to_numpy()
        called = {recall: np.zeros(len(rows), bool) for recall in recalls}
        for name in sorted(set(group)):
            inside, counted = group == name, np.isfinite(score)
            for recall in recalls:
                threshold = threshold_for_recall(score[~inside & counted], is_fail[~inside & counted], recall)
                called[recall][inside] = verdict.is_fail(score[inside], threshold)
        for name in (*sorted(set(group)), POOLED):
            chosen = np.ones(len(rows), bool) if name == POOLED else group == name
            found.setdefault(str(name), {})[int(str(seed))] = _figures(
                score[chosen], is_fail[chosen], {recall: mask[chosen] for recall, mask in called.items()})
    return found


def _figures(score: NDArray[np.float32], is_fail: NDArray[np.bool_], called: dict[float, NDArray[np.bool_]]
             ) -> GroupFigures:
    counted = np.isfinite(score)
    scored, labels = score[counted], is_fail[counted]
    auroc, alarms = math.nan, dict.fromkeys(called, math.nan)
    if labels.any() and not labels.all():
        auroc = float(roc_auc_score(labels, scored))
        alarms = {recall: false_alarm_rate_at(scored, labels, threshold_for_recall(scored, labels, recall))
                  for recall in called}
    return GroupFigures(
        len(score), int(is_fail.sum()), int((~counted).sum()), auroc, alarms,
        {recall: float(mask[is_fail].mean()) for recall, mask in called.items()},
        {recall: float(mask[~is_fail].mean()) for recall, mask in called.items()})


def markdown(figures: dict[str, dict[int, GroupFigures]]) -> str:
    """The figures as a markdown table; over several seeds the mean and, in brackets, lowest to highest."""
    recalls = list(next(iter(figures[POOLED].values())).kept)
    heads = ['group', 'rows', 'FAIL', 'AUROC', *(f'false alarms at {recall:.0%}' for recall in recalls)]
    for recall in recalls:
        heads += [f'kept of {recall:.0%} promised', 'with false alarms']
    lines = [heads, ['---'] * len(heads)]
    for name, by_seed in figures.items():
        each = list(by_seed.values())
        line = [f'**{name}**' if name == POOLED else name, str(each[0].rows), str(each[0].fails),
                _spread([one.auroc for one in each], '{:.4f}')]
        line += [_spread([100 * one.false_alarms[recall] for one in each], '{:.2f} %') for recall in recalls]
        for recall in recalls:
            line += [_spread([100 * one.kept[recall] for one in each], '{:.2f} %'),
                     _spread([100 * one.kept_false_alarms[recall] for one in each], '{:.2f} %')]
        lines.append(line)
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _spread(values: Sequence[float], form: str) -> str:
    mean = form.format(float(np.mean(values)))
    return mean if len(values) == 1 else f'{mean} ({form.format(min(values))}–{form.format(max(values))})'


