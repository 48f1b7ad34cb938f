"""The command lines of the dataset converters."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f'tools/dataset_converters/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def board_csv(tmp_path):
    path = tmp_path / 'all.csv'
    rows = [f'line1/B{i // 10:02d};golden;{"missing" if i % 5 == 0 else "pass"};007;{i % 3}.0'
            for i in range(200)]
    path.write_text('\n'.join(['input_path;golden_path;label;object_name;lot', *rows]))
    return path


def test_split_writes_the_csvs_own_columns_and_prints_a_table(board_csv, tmp_path, capsys):
    fractions = ['train=0.5', 'val=0.3', 'test=0.2']
    load('split_csv').main([str(board_csv), '--out-dir', str(tmp_path / 'out'), '--fractions', *fractions])
    parts = {name: pd.read_csv(tmp_path / f'out/{name}.csv', dtype=str) for name in ('train', 'val', 'test')}
    assert {name: len(part) for name, part in parts.items()} == {'train': 100, 'val': 60, 'test': 40}
    assert all(list(part) == ['input_path', 'golden_path', 'label', 'object_name', 'lot']
               for part in parts.values())
    assert set(parts['val']['object_name']) == {'007'} and set(parts['val']['label']) == {'PASS', 'missing'}
    boards = [set(part['input_path']) for part in parts.values()]
    assert sum(map(len, boards)) == 20 == len(set.union(*boards))
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert table == [['rows', 'boards', 'PASS', 'FAIL', 'missing'], ['train', '100', '10', '80', '20', '20'],
                     ['val', '60', '6', '48', '12', '12'], ['test', '40', '4', '32', '8', '8']]


def test_a_split_without_defects_is_a_warning(tmp_path, capsys):
    rows = [f'b{board},golden,{"missing" if board == 0 else "PASS"},R{row}' for board in range(4)
            for row in range(3)]
    (tmp_path / 'labels.csv').write_text('\n'.join(['input_path,golden_path,label,object_name', *rows]))
    code = load('split_csv').main([str(tmp_path / 'labels.csv'), '--out-dir', str(tmp_path / 'out'),
                                   '--fractions',
                                   'train=3', 'val=1'])
    assert code == 1 and capsys.readouterr().err.startswith('warning: val has no FAIL row, ')


@pytest.mark.parametrize(('options', 'said'), [
    (['--board', 'golden_path'], '1 boards cannot fill 3 splits'),
    (['--board-pattern', 'X'], 'finds no board in 200 rows'),
    (['--fractions', 'all=1', 'val=1'], 'would be overwritten'),
    (['--fractions', 'train:1'], 'wanted NAME=SHARE'),
    (['--fractions', 'train=much'], 'wanted NAME=SHARE'),
    (['--fractions', 'train=1', 'train=1'], 'names a split twice')])
def test_split_errors_leave_the_csv_alone(board_csv, capsys, options, said):
    before = board_csv.read_bytes()
    try:
        code = load('split_csv').main([str(board_csv), '--out-dir', str(board_csv.parent), *options])
    except SystemExit as error:  # argparse
        code = error.code
    assert code == 2 and said in capsys.readouterr().err
    assert board_csv.read_bytes() == before and os.listdir(board_csv.parent) == ['all.csv']


def test_split_with_other_words_for_pass(tmp_path, capsys):
    rows = [f'b{row},golden,{"NG" if row % 2 else "OK"},R{row}' for row in range(8)]
    csv = tmp_path / 'labels.csv'
    csv.write_text('\n'.join(['input_path,golden_path,label,object_name', *rows]))
    arguments = [str(csv), '--out-dir', str(tmp_path / 'out'), '--fractions', 'train=1', 'val=1']
    assert load('split_csv').main(arguments) == 1
    assert "the labels are 'NG' (4x), 'OK' (4x)" in capsys.readouterr().err
    assert load('split_csv').main([*arguments, '--pass-labels', 'OK']) == 0
    assert set(pd.read_csv(tmp_path / 'out/train.csv')['label']) == {'PASS', 'NG'}


@pytest.mark.parametrize('what', ['a damaged image', 'a full folder', 'no box'])
def test_deeppcb_is_made_whole_or_not_at_all(tmp_path, capsys, what):
    group = tmp_path / 'PCBData/g'
    for part in ('n', 'n_not'):
        (group / part).mkdir(parents=True)
    for name in ('A', 'B'):
        for side in ('temp', 'test'):
            cv2.imwrite(str(group / f'n/{name}_{side}.jpg'), np.zeros((100, 100), np.uint8))
        (group / f'n_not/{name}.txt').write_text('' if what == 'no box' else '10 10 20 20 4\n')
    (tmp_path / 'list.txt').write_text('g/n/A.jpg g/n_not/A.txt\ng/n/B.jpg g/n_not/B.txt\n')
    out = tmp_path / 'out'
    if what == 'a damaged image':
        (group / 'n/B_test.jpg').write_bytes(b'no image')
    if what == 'a full folder':
        out.mkdir()
        (out / 'labels.csv').write_text('mine')
    before = sorted(tmp_path.rglob('*'))
    arguments = ['--src', str(tmp_path), '--list', str(tmp_path / 'list.txt'), '--dst', str(out), '--size',
                 '32']
    assert load('deeppcb').main(arguments) == 2
    assert 'error: ' in capsys.readouterr().err and sorted(tmp_path.rglob('*')) == before


def test_deeppcb_from_the_shell(tmp_path):
    group = tmp_path / 'PCBData/g'
    for part in ('n', 'n_not'):
        (group / part).mkdir(parents=True)
    for side in ('temp', 'test'):
        cv2.imwrite(str(group / f'n/X_{side}.jpg'),
                    np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8))
    (group / 'n_not/X.txt').write_text('10 10 20 20 4\n')
    (tmp_path / 'list.txt').write_text('g/n/X.jpg g/n_not/X.txt\n')
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tools/dataset_converters/deeppcb.py'), '--src', str(tmp_path), '--list',
         str(tmp_path / 'list.txt'), '--dst', str(tmp_path / 'out'), '--size', '32'],
        capture_output=True, text=True, cwd=tmp_path, env=os.environ | dict(PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr
    assert '1/1' in done.stderr and '3 crops, 2 PASS and 1 FAIL' in done.stdout
    assert len(list((tmp_path / 'out').rglob('*.png'))) == 6


def test_deeppcb_errors_are_short_and_write_nothing(tmp_path, capsys):
    (tmp_path / 'list.txt').write_text('g/n/X.jpg g/n_not/X.txt\n')
    arguments = ['--src', str(tmp_path), '--list', str(tmp_path / 'list.txt'), '--dst', str(tmp_path / 'out')]
    assert load('deeppcb').main(arguments) == 2
    assert 'list.txt does not fit' in capsys.readouterr().err and not (tmp_path / 'out').exists()
