"""What travels with a source distribution and with the wheel made of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'model-index.yml')
FOLDERS = ('requirements', 'configs', 'tools', 'mmchangenet')


def run_setup(folder, *command):
    done = subprocess.run([sys.executable, 'setup.py', '-q', *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def python_files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*.py')}


def test_configs_tools_and_model_index_travel(tmp_path):
    """Source distribution, unpacked, built: that is how an index's package becomes a wheel."""
    pytest.importorskip('setuptools')
    source = tmp_path / 'source'
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__', '.mim'))
    for name in FILES:
        shutil.copy(ROOT / name, source)
    run_setup(source, 'sdist', '--dist-dir', str(tmp_path))
    shutil.unpack_archive(next(tmp_path.glob('*.tar.gz')), tmp_path)
    unpacked = next(path.parent for path in tmp_path.glob('mmchangenet-*/setup.py'))
    run_setup(unpacked, 'build', '--build-lib', str(tmp_path / 'built'))
    package = tmp_path / 'built' / 'mmchangenet'
    for name in ('configs', 'tools'):
        assert python_files(package / '.mim' / name) == python_files(ROOT / name)
    assert (package / '.mim' / 'model-index.yml').read_bytes() == (ROOT / 'model-index.yml').read_bytes()
    name = 'mmchangenet::backbones/swin.py'
    code = f'import mmchangenet.registry, mmengine.hub; assert mmengine.hub.get_config({name!r}).model'
    (tmp_path / 'ours.py').write_text(f'_base_ = {name!r}')
    code += f"; from mmengine.config import Config; assert Config.fromfile({str(tmp_path / 'ours.py')!r}).model"
    paths = os.pathsep.join([str(package.parent), *os.environ.get('PYTHONPATH', '').split(os.pathsep)])
    subprocess.run([sys.executable, '-c', code], check=True, cwd=tmp_path, env=dict(os.environ, PYTHONPATH=paths))
    shutil.rmtree(package / '.mim')
    assert python_files(package) == python_files(ROOT / 'mmchangenet')
