"""The demo data appears whole, once, and takes nobody's folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmchangenet.boards.demo import ensure_demo, generate_demo
from mmchangenet.boards.demo.generate import NOTE

REPOSITORY = Path(__file__).parents[3]
SMALL = {'num_boards': 3, 'size': 32}


def start_process(root, num_boards):
    """Another process that makes the data."""
    code = ('from mmchangenet.boards.demo import ensure_demo; '
            f'ensure_demo({str(root)!r}, num_boards={num_boards}, size=32)')
    return subprocess.Popen([sys.executable, '-c', code], cwd=REPOSITORY, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            text=True, env=dict(os.environ, PYTHONPATH=str(REPOSITORY)))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'nothing happened'
        time.sleep(0.01)


def hidden(folder):
    """What a generation may have left beside its target, locks aside."""
    return [path.name for path in folder.iterdir() if path.name.startswith('.')
            and not path.name.endswith('.lock')]


def test_a_killed_generation_leaves_nothing_that_is_taken_for_whole(tmp_path):
    root = tmp_path / 'demo'
    process = start_process(root, num_boards=2000)
    wait_for(lambda: any((tmp_path / '.demo.partial').glob('images/board_000/*.jpg')))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not root.exists() and hidden(tmp_path)
    ensure_demo(root, **SMALL)
    assert (root / 'test.csv').is_file() and not hidden(tmp_path)


def test_two_processes_make_it_once(tmp_path):
    processes = [start_process(tmp_path / 'demo', num_boards=6) for _ in range(2)]
    output = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], output
    assert ''.join(output).count('Making the demo data') == 1
    assert ''.join(output).count('The demo data is ready') == 1
    assert not hidden(tmp_path)


def test_it_stays_once_it_is_there(small_root):
    before = (small_root / NOTE).stat().st_ino
    ensure_demo(small_root, **SMALL)
    assert (small_root / NOTE).stat().st_ino == before


def test_another_version_is_made_anew(small_root, tmp_path):
    root = shutil.copytree(small_root, tmp_path / 'demo')
    note = json.loads((root / NOTE).read_text())
    (root / NOTE).write_text(json.dumps(note | {'version': 0}))
    (root / 'old').touch()
    ensure_demo(root, **SMALL)
    assert json.loads((root / NOTE).read_text()) == note
    assert not (root / 'old').exists() and not hidden(tmp_path)


@pytest.mark.parametrize('make', [ensure_demo, generate_demo])
def test_a_folder_of_somebody_else_is_left_alone(tmp_path, make):
    (tmp_path / 'photo.jpg').write_bytes(b'precious')
    with pytest.raises(FileExistsError, match='holds something already'):
        make(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ['photo.jpg']


def test_an_empty_folder_may_be_there(tmp_path):
    (tmp_path / 'demo').mkdir()
    generate_demo(tmp_path / 'demo', **SMALL)
    assert (tmp_path / 'demo' / NOTE).is_file()


def test_a_failed_generation_cleans_up(tmp_path):

    def full_disk(boards):
        yield boards[0]
        raise OSError('no space left on device')

    with pytest.raises(OSError, match='no space left'):
        generate_demo(tmp_path / 'demo', **SMALL, progress=full_disk)
    assert not (tmp_path / 'demo').exists() and not hidden(tmp_path)
