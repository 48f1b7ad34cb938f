"""The runtime works where only numpy, OpenCV and ONNX Runtime are installed."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BLOCKED = '''
import sys

ALLOWED = {*sys.stdlib_module_names, 'mmchangenet', 'numpy', 'cv2', 'onnxruntime'}

class OnlyThese:
    """Everything else is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] not in ALLOWED:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)

sys.meta_path.insert(0, OnlyThese())
from mmchangenet.runtime.__main__ import main

code = main(sys.argv[1:])
assert not {'torch', 'mmengine', 'pandas'} & set(sys.modules)
sys.exit(code)
'''


def test_nothing_else_is_imported(exported, line, tmp_path):
    arguments = [
        exported['learnable'], line / 'labels.csv', '--out', tmp_path / 'scores.csv', '--threads', '1'
    ]
    done = subprocess.run([sys.executable, '-c', BLOCKED, *map(str, arguments)],
                          capture_output=True,
                          text=True,
                          cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / 'scores.csv').read_text().splitlines()) == 11


@pytest.mark.slow
def test_an_environment_with_only_those_installs_and_scores(exported, line, tmp_path):
    """The commands of docs/runtime.md."""
    venv.create(tmp_path / 'env', with_pip=True)
    python = str(tmp_path / 'env' / 'bin' / 'python')
    source = shutil.copytree(ROOT,
                             tmp_path / 'source',
                             ignore=shutil.ignore_patterns('.*', 'data', 'work_dirs', 'build'))
    environment = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}

    def run(*command):
        done = subprocess.run([python, *map(str, command)],
                              capture_output=True,
                              text=True,
                              cwd=tmp_path,
                              env=environment)
        return done.returncode, done.stdout + done.stderr

    code, output = run('-m', 'pip', 'install', '-r', ROOT / 'requirements' / 'line.txt')
    if code:
        pytest.skip(f'pip finds no packages here: {output[-300:]}')
    code, output = run('-m', 'pip', 'install', '--no-deps', source)
    assert code == 0, output
    code, output = run('-m', 'mmchangenet.runtime', exported['euclidean'], line / 'labels.csv', '--out',
                       'scores.csv')
    assert code == 0, output
    assert run('-c', 'import torch')[0] != 0
    assert len((tmp_path / 'scores.csv').read_text().splitlines()) == 11
