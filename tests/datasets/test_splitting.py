"""Splits keep boards whole, come near to the wanted fractions and spread the defects."""

import numpy as np
import pandas as pd
import pytest

from mmchangenet.datasets.splitting import boards_of, split_by_board, summarise

FRACTIONS = dict(train=0.7, val=0.2, test=0.1)


def rows(num_boards, rows_a_board=20, seed=0):
    rng = np.random.default_rng(seed)
    boards = np.repeat([f'line1/B{i:03d}' for i in range(num_boards)], rows_a_board)
    label = rng.choice(['PASS', 'missing', 'bridge'], len(boards), p=[0.9, 0.07, 0.03])
    return pd.DataFrame(dict(input_path=boards, golden_path='golden', label=label,
                             object_name=[f'C{i}' for i in range(len(boards))]), dtype=str)


def test_boards_stay_whole_and_fractions_are_met_for_every_label():
    frame = rows(200)
    splits = split_by_board(frame, FRACTIONS, frame['input_path'])
    assert (frame.groupby('input_path')['label'].agg(lambda part: len(set(splits[part.index]))) == 1).all()
    for label in ('PASS', 'missing', 'bridge'):
        chosen = splits[frame['label'] == label]
        for name, share in FRACTIONS.items():
            assert np.mean(chosen == name) == pytest.approx(share, abs=0.02), (label, name)


def test_very_unequal_boards():
    frame = pd.concat([rows(1, 100), rows(40, 5).assign(input_path=lambda f: f['input_path'] + 'x')],
                      ignore_index=True)
    splits = split_by_board(frame, dict(a=0.5, b=0.5), frame['input_path'])
    assert np.mean(splits == 'a') == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize('num_boards', [3, 4, 5])
def test_no_split_stays_empty(num_boards):
    frame = rows(num_boards)
    assert set(split_by_board(frame, dict(train=0.98, val=0.01, test=0.01),
                              frame['input_path'])) == {'train', 'val', 'test'}


def test_seed_decides_among_equal_boards():
    frame = rows(30).assign(label='PASS')
    splits = [split_by_board(frame, FRACTIONS, frame['input_path'], seed).tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(('pattern', 'expected'), [
    (r'B\d+', ['B000', 'B001']), (r'/B(\d+)/C', ['000', '001']), (r'C\d$', ['C0', 'C1'])])
def test_board_pattern(pattern, expected):
    assert boards_of(rows(2, 1), pattern=pattern).tolist() == expected


@pytest.mark.parametrize(('settings', 'said'), [
    (dict(pattern=r'C(\d)$'), "finds no board in 10 rows: line1/B000/C10, line1/B000/C11"),
    (dict(pattern='('), 'no regular expression'),
    (dict(column='lot'), "no column 'lot'.*input_path, golden_path")])
def test_boards_that_cannot_be_told(settings, said):
    with pytest.raises(ValueError, match=said):
        boards_of(rows(1), **settings)


@pytest.mark.parametrize(('fractions', 'said'), [
    (FRACTIONS, '2 boards cannot fill 3 splits'), (dict(a=1, b=0), 'share above 0'), ({}, 'share above 0')])
def test_splits_that_cannot_be(fractions, said):
    frame = rows(2)
    with pytest.raises(ValueError, match=said):
        split_by_board(frame, fractions, frame['input_path'])


def test_summary_counts_rows_boards_and_defects():
    frame = rows(10)
    table = summarise(frame, frame['input_path'], ['a'] * 40 + ['b'] * 160)
    assert table.loc['a', ['rows', 'boards']].tolist() == [40, 2]
    assert (table['rows'] == table['PASS'] + table['FAIL']).all()
    defects = table['missing'].sum() + table['bridge'].sum()
    assert table['FAIL'].sum() == (frame['label'] != 'PASS').sum() == defects
