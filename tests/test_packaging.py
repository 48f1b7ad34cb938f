"""What travels with a source distribution and with the wheel made of it."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'model-index.yml')
FOLDERS = ('requirements', 'configs', 'tools', 'mmchangenet')


def run_setup(folder, *command):
    command = [sys.executable, 'setup.py', '-q', *command]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def python_files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*.py')}


def check_package_names(package, folder):
    """``mmchangenet::`` in ``_base_`` and MMEngine's hub finds the configs of an installed package."""
    installed = package.parent / 'mmchangenet-9.dist-info'  # what pip would write
    installed.mkdir()
    (installed / 'METADATA').write_text('Metadata-Version: 2.1\nName: mmchangenet\nVersion: 9\n')
    name = 'mmchangenet::backbones/swin.py'
    (folder / 'ours.py').write_text(f'_base_ = {name!r}')
    code = ('import mmchangenet.registry, mmengine.hub; from mmengine.config import Config; '
            f'assert mmengine.hub.get_config({name!r}).model; assert Config.fromfile("ours.py").model')
    paths = os.pathsep.join([str(package.parent), *os.environ.get('PYTHONPATH', '').split(os.pathsep)])
    environment = dict(os.environ, PYTHONPATH=paths)
    subprocess.run([sys.executable, '-c', code], check=True, cwd=folder, env=environment)


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
    if find_spec('pkg_resources'):  # without it MMEngine knows no names of packages; setuptools 81 dropped it
        check_package_names(package, tmp_path)
    shutil.rmtree(package / '.mim')
    assert python_files(package) == python_files(ROOT / 'mmchangenet')
