"""A spec in several processes and on several nodes gives what one process gives."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.checkpoint import read_checkpoint
from mmchangenet.tao.command import main
from mmchangenet.tao.hooks.numbered_checkpoint_hook import LATEST

ROOT = Path(__file__).parents[2]


def weights(file):
    return read_checkpoint(file)['state_dict']


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one(run, monkeypatch):
    """Without a GPU through gloo, started by torchrun."""
    assert run('train') == 0
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    monkeypatch.setenv('PYTHONPATH', path)
    checkpoint = f'evaluate.checkpoint=out/train/{LATEST}'
    assert run('evaluate', checkpoint) == 0
    one = json.loads(Path('out/evaluate/figures.json').read_text())
    assert run('evaluate', checkpoint, 'evaluate.num_gpus=2', 'evaluate.results_dir=two') == 0
    two = json.loads(Path('two/figures.json').read_text())
    assert two['all'].keys() == one['all'].keys()
    assert two['all'] == pytest.approx(one['all'], rel=1e-5)
    pictures = [{path.name
                 for path in Path(folder, 'pictures').glob('*')}
                for folder in ('two', 'out/evaluate')]
    assert pictures[0] == pictures[1]


@pytest.mark.slow
def test_two_nodes_train_together(run, data_overrides, tmp_path):
    """Two nodes of one process each, both on this machine."""
    assert run('train', 'train.num_nodes=2') == 2  # writes the spec, and misses the variables
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    command = [
        sys.executable, '-m', 'mmchangenet.tao', 'train', '-e', 'tiny.yaml', *data_overrides(16),
        'results_dir=nodes', 'train.num_nodes=2'
    ]
    nodes = [
        subprocess.Popen(command,
                         cwd=tmp_path,
                         text=True,
                         stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT,
                         env={
                             **os.environ, 'PYTHONPATH': path, 'NODE_RANK': rank, 'MASTER_ADDR': '127.0.0.1',
                             'MASTER_PORT': port
                         }) for rank in '01'
    ]
    outputs = [node.communicate(timeout=300)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs[0][-2000:] + outputs[1][-2000:]
    assert equal(weights(f'nodes/train/{LATEST}'), weights('nodes/train/model_epoch_000.pth'))
    assert '[1][2/2]' in outputs[0], 'two processes share the four batches of an epoch'


def test_a_launcher_starts_the_processes_itself(run, data_overrides, shallow_fan, monkeypatch):
    """mpirun's variables, and what it would start."""
    assert run('train') == 0
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        monkeypatch.setenv('MASTER_PORT', str(free.getsockname()[1]))
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    children = []
    for rank in range(2):
        children.append(os.fork())
        if not children[-1]:
            names = dict(RANK=rank, SIZE=2, LOCAL_RANK=rank)
            os.environ.update({f'OMPI_COMM_WORLD_{name}': str(value) for name, value in names.items()})
            os._exit(
                main([
                    'evaluate', '-e', 'tiny.yaml', '--launcher', 'mpi', *data_overrides(16),
                    'results_dir=out', f'evaluate.checkpoint=out/train/{LATEST}', 'evaluate.results_dir=mpi'
                ]))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert json.loads(Path('mpi/figures.json').read_text())['all']['rows'] == 32
    status = [json.loads(line)['status'] for line in Path('mpi/status.json').read_text().splitlines()]
    assert status == ['STARTED', 'RUNNING', 'RUNNING'], 'of the first process alone'
