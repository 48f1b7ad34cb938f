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
    rows = 'c,g,PASS,A\nc,g,missing,B\n'
    (tmp_path / 'labels.csv').write_text(f'input_path,golden_path,label,object_name\n{rows}')
    rng = np.random.default_rng(0)
    for name in ('c/A', 'g/A', 'c/B', 'g/B'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f'{name}_White.png'), rng.integers(0, 256, (8, 8, 3), np.uint8))
    return lambda *options: module.main([str(tmp_path / 'labels.csv'), str(tmp_path), '--image-ext', '.png',
                                         *options])


def test_nothing_found(run, capsys):
    assert run('--input-map', 'White=0') == 0
    output = capsys.readouterr()
    assert output.out == "labels: 'PASS' (1x), 'missing' (1x)\n2 rows: nothing found\n"
    assert '2/2' in output.err


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


def test_labels_without_pass_are_found_and_may_be_mapped(run, tmp_path, capsys):
    csv = tmp_path / 'labels.csv'
    csv.write_text(csv.read_text().replace('PASS', 'OK').replace('missing', 'OK\u200b'))
    assert run('--input-map', 'White=0') == 1
    output = capsys.readouterr().out
    found = "'OK' (1x), 'OK\\u200b' (1x)"
    assert f'line 1: no PASS label: no row is labelled PASS; the labels are {found}.' in output
    assert f'line 1: labels that look alike: {found}: are they one?' in output
    csv.write_text(csv.read_text().replace('OK\u200b', 'missing'))
    assert run('--input-map', 'White=0', '--pass-labels', 'OK') == 0
    assert "labels: 'PASS' (1x), 'missing' (1x)" in capsys.readouterr().out


def test_the_output_is_checked_before_any_image_is_read(run, tmp_path, capsys):
    before = (tmp_path / 'labels.csv').read_bytes()
    for out, said in ((tmp_path / 'labels.csv', 'would be overwritten'), (tmp_path, 'is a folder'),
                      (tmp_path / 'labels.csv/x.csv', 'is no folder')):
        assert run('--input-map', 'White=0', '--out', str(out)) == 2
        output = capsys.readouterr()
        assert said in output.err and '/2' not in output.err and not output.out
    assert (tmp_path / 'labels.csv').read_bytes() == before


def test_bad_settings_are_short_errors_and_exit_with_2(run, capsys):
    assert run('--input-map', 'White=1') == 2
    error = capsys.readouterr().err
    assert error.startswith('error: input_map ') and 'position 0 is missing' in error
