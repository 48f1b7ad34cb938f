"""The audit's command line: what it prints, writes and exits with."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

TOOL = Path(__file__).parents[2] / 'tools/analysis_tools/audit_csv.py'


@pytest.fixture
def run(tmp_path):
    """Runs the tool on two pairs under one lighting."""
    spec = importlib.util.spec_from_file_location('audit_csv', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / 'labels.csv').write_text('input_path,golden_path,label,object_name\nc,g,PASS,A\nc,g,missing,B\n')
    rng = np.random.default_rng(0)
    for name in ('c/A', 'g/A', 'c/B', 'g/B'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f'{name}_White.png'), rng.integers(0, 256, (8, 8, 3), np.uint8))
    return lambda *options: module.main([str(tmp_path / 'labels.csv'), str(tmp_path), '--image-ext', '.png',
                                         *options])


def test_nothing_found(run, capsys):
    assert run('--input-map', 'White=0') == 0
    output = capsys.readouterr()
    assert output.out == '2 rows: nothing found\n' and '2/2' in output.err


def test_findings_are_printed_written_and_exit_with_1(run, tmp_path, capsys):
    (tmp_path / 'g/B_White.png').write_bytes(b'')
    assert run('--input-map', 'White=0', '--out', str(tmp_path / 'out.csv')) == 1
    output = capsys.readouterr().out
    assert 'line 3: unreadable image: B (missing): ' in output and '2 rows: 1x unreadable image' in output
    report = pd.read_csv(tmp_path / 'out.csv')
    assert report[['line', 'finding', 'label', 'object_name']].to_numpy().tolist() == [[3, 'unreadable image',
                                                                                        'missing', 'B']]
    assert 'B_White.png' in report['detail'][0]


def test_what_no_row_can_be_read_for_is_named(run, capsys):
    assert run() == 1  # without --input-map, so every name lacks its lighting
    assert capsys.readouterr().out.endswith('look at the image folder, --image-ext and --input-map first\n')


def test_bad_settings_are_short_errors_and_exit_with_2(run, capsys):
    assert run('--input-map', 'White=1') == 2
    error = capsys.readouterr().err
    assert error.startswith('error: input_map ') and 'position 0 is missing' in error
