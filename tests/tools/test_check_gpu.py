"""The check of a GPU on the CPU, with tiny networks: every case is a line, whatever comes of it."""

import json
import runpy
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools/analysis_tools'


def check(folder, *arguments):
    """The exit code of the check with small networks."""
    tool = runpy.run_path(str(TOOLS / 'check_gpu.py'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['check_gpu.py', '--small', '--out-dir', str(folder), *arguments])
        return tool['main']()


def test_every_case_is_a_line_of_both_files(tmp_path, capsys):
    assert check(tmp_path, '--parts', 'epoch', 'parity') == 0
    cases = json.loads((tmp_path / 'check_gpu.json').read_text())['cases']
    table = (tmp_path / 'check_gpu.md').read_text()
    assert all(f'| {case["name"]} |' in table for case in cases)
    assert [case['status'] for case in cases] == ['skipped'] * 3 + ['done'] * 4
    assert all('give --deeppcb' in case['message'] for case in cases[:3])
    found = {case['name']: case['figures']['largest difference'] for case in cases[3:]}
    assert found['FAN-small, learnable, fp32'] == found['DINOv2-L, Euclidean, fp32'] == 0
    assert 0 < found['FAN-small, learnable, bf16'] < 0.01 and 0 < found['DINOv2-L, Euclidean, bf16'] < 0.01
    assert check(tmp_path, '--parts', 'parity') == 2
    assert 'check_gpu.json' in capsys.readouterr().err
    assert json.loads((tmp_path / 'check_gpu.json').read_text())['cases'] == cases


def test_what_fails_or_comes_too_late_does_not_end_the_check(tmp_path):
    tool = runpy.run_path(str(TOOLS / 'check_gpu.py'))

    def divide():
        return {'figure': 1 / 0}

    report = tool['Report'](tmp_path / 'in_time', 60, small=True)
    report.attempt('Part', 'broken', divide)
    report.attempt('Part', 'whole', lambda: {'figure': 1.23456})
    late = tool['Report'](tmp_path / 'late', -1, small=True)
    late.attempt('Part', 'late', divide)
    assert (tmp_path / 'in_time/check_gpu.md').read_text().splitlines()[4:] == [
        '|  | figure | status |', '| --- | --- | --- |',
        '| broken |  | failed: ZeroDivisionError: division by zero |', '| whole | 1.235 | done |']
    assert '| late | skipped: the time was over |' in (tmp_path / 'late/check_gpu.md').read_text()


def test_a_data_folder_that_is_none_is_told_before_anything_runs(tmp_path, capsys):
    assert check(tmp_path / 'out', '--deeppcb', str(tmp_path)) == 2
    assert f'there is no {tmp_path}/train/train.csv and no ' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_the_bundle_has_what_the_other_machine_lacks():
    needed = runpy.run_path(str(TOOLS / 'bundle_gpu_check.py'))['needed']
    missing = needed(['mmchangenet[mmcv-lite]'], '3.12') - needed(['torch', 'timm', 'opencv-python'], '3.12')
    assert {'mmengine', 'mmpretrain', 'mmcv-lite', 'omegaconf', 'yapf', 'einops'} <= missing
    assert missing.isdisjoint({'torch', 'numpy', 'safetensors', 'pyyaml', 'tomli'})
