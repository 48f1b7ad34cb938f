"""Splitting a label CSV so that no board is in two splits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmchangenet.labels.cells import LABEL_COLUMN
from mmchangenet.labels.pass_rule import GOOD_LABEL


def boards_of(frame: pd.DataFrame, column: str = 'input_path', pattern: str | None = None) -> pd.Series:
    """The board of each row.

    Args:
        frame: as :func:`read_label_csv` gives it.
        column: whose value is the board, when there is no pattern.
        pattern: regular expression, searched in ``{input_path}/{object_name}``; its first
            group, or the whole match without one, is the board.

    Returns:
        (N,) strings.

    Raises:
        ValueError: for an unknown column, a pattern that is none, or rows in which it is not found.
    """
    if pattern is None:
        if column not in frame:
            names = ', '.join(map(str, frame.columns))
            raise ValueError(f'there is no column {column!r} to tell boards apart; the columns are {names}')
        return frame[column]
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f'{pattern!r} is no regular expression: {error}') from error
    places = frame['input_path'] + '/' + frame['object_name']
    group = expression.groups and 1
    found = [match and match[group] for match in map(expression.search, places)]
    lost = [place for place, board in zip(places, found, strict=True) if board is None]
    if lost:
        raise ValueError(f'the pattern {pattern!r} finds no board in {len(lost)} rows: '
                         f'{", ".join(lost[:10])}{", ..." if len(lost) > 10 else ""}; widen it')
    return pd.Series(found, index=frame.index, dtype=str)


def split_by_board(frame: pd.DataFrame, fractions: Mapping[str, float], boards: Sequence[str] | pd.Series,
                   seed: int = 0) -> NDArray[np.object_]:
    """Deal boards out to splits so that rows and every kind of defect come near to the wanted fractions.

    Greedy: the boards, those with the largest share of any label first, each go where the squared distance
    from the wanted counts, relative to them and over all labels, grows least.

    Args:
        frame: N rows with the column ``label``.
        fractions: split → its share of the rows, above 0; scaled to sum 1.
        boards: (N,) the board of each row.
        seed: of the order among equal boards.

    Returns:
        (N,) the name of each row's split.

    Raises:
        ValueError: when there are fewer boards than splits, no labels or no such fractions.
    """
    names = list(fractions)
    shares = np.array([fractions[name] for name in names], float)
    if not len(names) or not (shares > 0).all() or not np.isfinite(shares).all():
        raise ValueError(f'fractions={fractions}: give every split a share above 0')
    if LABEL_COLUMN not in frame:
        raise ValueError(f'there is no column {LABEL_COLUMN!r}, by which defects could be spread')
    board_codes, board_names = pd.factorize(np.asarray(boards))
    if len(board_names) < len(names):
        raise ValueError(f'{len(board_names)} boards cannot fill {len(names)} splits, since a board stays in '
                         'one: tell boards apart by another column or pattern, or make fewer splits')
    label_codes, label_names = pd.factorize(frame[LABEL_COLUMN])
    counts = np.zeros((len(board_names), len(label_names)))
    np.add.at(counts, (board_codes, label_codes), 1)

    totals = counts.sum(0)
    wanted = shares[:, None] / shares.sum() * totals
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-(counts / totals).max(1)[order], kind='stable')]
    have, split_of_board = np.zeros_like(wanted), np.empty(len(counts), int)
    for turn, board in enumerate(order):
        growth = (counts[board] * (counts[board] + 2 * (have - wanted)) / (wanted * totals)).sum(1)
        empty = have.sum(1) == 0
        if len(order) - turn <= empty.sum():
            growth[~empty] = np.inf
        split_of_board[board] = growth.argmin()
        have[split_of_board[board]] += counts[board]
    return np.array(names, dtype=object)[split_of_board[board_codes]]


def summarise(frame: pd.DataFrame, boards: Sequence[str] | pd.Series,
              splits: Sequence[str] | NDArray[np.object_]) -> pd.DataFrame:
    """Rows, boards, PASS and FAIL by split.

    Args:
        frame: N rows with the column ``label``.
        boards, splits: (N,) each row's.

    Returns:
        one row per split, with the columns rows, boards, PASS, FAIL and one per defect.
    """
    labels = frame[LABEL_COLUMN].to_numpy(dtype=object)
    table = pd.DataFrame({
        'rows': 1, 'boards': np.asarray(boards, dtype=object),
        'PASS': labels == GOOD_LABEL, 'FAIL': labels != GOOD_LABEL,
        **{name: labels == name for name in sorted(set(labels) - {GOOD_LABEL})}})
    kinds = {column: 'nunique' if column == 'boards' else 'sum' for column in table}
    return table.groupby(np.asarray(splits, dtype=object), sort=False).agg(kinds)
