"""tools/dataset_converters/hard_boards.py and tools/analysis_tools/plain_rules.py: on a command line."""

import importlib.util
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[2]


def main_of(tool):
    spec = importlib.util.spec_from_file_location(Path(tool).stem, ROOT / 'tools' / tool)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_boards_then_plain_rules_then_a_message(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make = main_of('dataset_converters/hard_boards.py')
    make(['--dst', 'hard', '--boards', '5', '--size', '32', '--sites', '8'])
    assert '120 train, 40 val, 40 test, 40 development, 80 held_out pairs' in capsys.readouterr().out
    main_of('analysis_tools/plain_rules.py')([
        str(ROOT / 'configs/changenet_hard_boards.py'), '--rows', '60', '--cfg-options',
        'test_dataloader.dataset.data_root=hard'])
    output = capsys.readouterr().out
    assert '60 rows of hard/held_out.csv' in output and '1 - SSIM, 9×9, registered, max' in output
    with pytest.raises(SystemExit, match='error: .*holds something already'):
        make(['--dst', 'hard', '--boards', '5', '--size', '32', '--sites', '8'])
    with pytest.raises(SystemExit, match='error: boards is 2'):
        make(['--dst', 'other', '--boards', '2'])
    with pytest.raises(SystemExit, match='error: .*nothing.csv'):
        main_of('analysis_tools/plain_rules.py')([
            str(ROOT / 'configs/changenet_hard_boards.py'), '--cfg-options',
            'test_dataloader.dataset.data_root=hard', 'test_dataloader.dataset.ann_file=nothing.csv'])


def test_contact_sheet(tmp_path):
    target = tmp_path / 'pictures/sheet.png'
    main_of('dataset_converters/hard_boards.py')(['--contact-sheet', str(target)])
    assert cv2.imread(str(target)).shape[0] > 14 * 72
