"""The command line that makes demo data and its sample picture."""

import importlib.util
from pathlib import Path

import cv2
import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope='module')
def tool():
    path = REPOSITORY / 'tools/dataset_converters/demo.py'
    spec = importlib.util.spec_from_file_location('demo_tool', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_makes_the_data(tool, tmp_path):
    tool.main(['--dst', str(tmp_path / 'demo'), '--boards', '3', '--size', '32'])
    assert (tmp_path / 'demo/train.csv').is_file()
    assert len(list((tmp_path / 'demo/images').iterdir())) == 4  # three boards and the golden one


@pytest.mark.parametrize(('options', 'said'), [
    (['--dst', 'demo', '--boards', '1'], 'error: num_boards is 1'),
    (['--dst', 'mine'], 'holds something already'),
    (['--contact-sheet', 'mine'], 'is a folder'),
    (['--contact-sheet', 'mine/file/x.png'], 'is no folder'),
])
def test_it_says_why_it_does_not(tool, tmp_path, capsys, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/file').write_text('mine')
    assert tool.main(options) == 2
    assert said in capsys.readouterr().err and (tmp_path / 'mine/file').read_text() == 'mine'
    assert not (tmp_path / 'demo').exists()


def test_the_sample_picture_is_small(tool, tmp_path):
    tool.main(['--contact-sheet', str(tmp_path / 'images/sample.png')])
    picture = tmp_path / 'images/sample.png'
    assert cv2.imread(str(picture)).shape == cv2.imread(str(REPOSITORY / 'docs/images/sample.png')).shape
    assert picture.stat().st_size < 300_000
