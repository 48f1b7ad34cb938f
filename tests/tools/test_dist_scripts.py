"""tools/dist_train.sh and dist_test.sh: two "nodes" on this machine that talk over loopback."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmchangenet.apis.launch import prepare_test, prepare_train

pytestmark = [
    pytest.mark.slow, pytest.mark.skipif(torch.cuda.is_available(), reason='with GPUs, processes use these')]
ROOT = Path(__file__).parents[2]
CONFIG = f"""
_base_ = '{ROOT}/configs/_base_/default_runtime.py'
arch = dict(width=32, depth=2, num_heads=2, hidden_dim=64, swiglu=True)
model = dict(
    type='SiameseClassifier', input_size=(28, 28),
    backbone=dict(type='DINOv2', arch=arch, img_size=28, out_type='featmap', with_cp=True),
    neck=dict(type='EuclideanDifference'),
    head=dict(type='ContrastiveHead', loss=dict(type='ContrastiveLoss')))
pipeline = [
    dict(type='LoadLightings'), dict(type='PairedResize', size=(28, 28)), dict(type='LayOutLightings'),
    dict(type='PackChangeInputs')]
dataset = dict(
    type='LightingPairDataset', data_root='data', data_prefix=dict(img_path=''), ann_file='labels.csv',
    image_ext='.png', pipeline=pipeline)
loader = dict(batch_size=8, num_workers=0, collate_fn=dict(type='pseudo_collate'))
train_dataloader = dict(dataset=dataset, sampler=dict(type='PairSampler', shuffle=True), **loader)
val_dataloader = dict(
    dataset=dict(test_mode=True, **dataset), sampler=dict(type='PairSampler', shuffle=False), **loader)
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='InspectionMetric')
train_cfg, val_cfg, test_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1), dict(), dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=1e-3))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with ``config.py`` and 32 pairs, half of them with a bright spot."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHON', sys.executable)
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    Path('config.py').write_text(CONFIG)
    rng = np.random.default_rng(0)
    for side in ('compare', 'golden'):
        Path('data', side).mkdir(parents=True)
    with open('data/labels.csv', 'w', newline='') as file:
        table = csv.writer(file)
        table.writerow(['input_path', 'golden_path', 'label', 'object_name'])
        for number in range(32):
            image = rng.integers(0, 100, (28, 28), dtype=np.uint8)
            cv2.imwrite(f'data/golden/c{number}.png', image)
            image += rng.integers(0, 20, image.shape, dtype=np.uint8)
            image[8:16, 8:16] += np.uint8(10 * (number % 2))
            cv2.imwrite(f'data/compare/c{number}.png', image)
            table.writerow(['compare', 'golden', 'spot' if number % 2 else 'PASS', f'c{number}'])
    return tmp_path


def on_two_nodes(script, *arguments):
    """Start a script on two nodes, its output in ``node_0.log`` and ``node_1.log``."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        settings = dict(NNODES='2', PORT=str(probe.getsockname()[1]))
    nodes = []
    for rank in range(2):
        with open(f'node_{rank}.log', 'w') as log:
            nodes.append(subprocess.Popen(
                [str(ROOT / 'tools' / script), *arguments], stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **settings, 'NODE_RANK': str(rank)}))
    return nodes


def test_two_nodes_test_as_one_process_does(folder):
    prepare_train('config.py', 'trained').train()
    figures = prepare_test('config.py', 'trained/epoch_2.pth', 'one').test()
    nodes = on_two_nodes(
        'dist_test.sh', 'config.py', 'trained/epoch_2.pth', '1', '--work-dir', 'two', '--out', 's.csv')
    assert [node.wait(120) for node in nodes] == [0, 0], Path('node_0.log').read_text()
    logged = json.loads(next(Path('two').glob('*/*.json')).read_text())
    assert {name: logged[name] for name in figures} == pytest.approx(figures)
    assert len(Path('s.csv').read_text().splitlines()) == 33


def test_a_killed_process_ends_all_with_one_message_each_node(folder):
    nodes = on_two_nodes('dist_train.sh', 'config.py', '2', '--cfg-options', 'train_cfg.max_epochs=10000',
                         'train_dataloader.batch_size=4')
    begin = time.monotonic()
    while not list(Path('work_dirs/config').glob('epoch_*.pth')):
        assert time.monotonic() < begin + 100 and all(node.poll() is None for node in nodes)
        time.sleep(0.5)
    children = Path(f'/proc/{nodes[1].pid}/task/{nodes[1].pid}/children').read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    killed = time.monotonic()
    assert [node.wait(60) for node in nodes] == [3, 1]
    assert time.monotonic() - killed < 60
    first, second = (Path(f'node_{rank}.log').read_text() for rank in range(2))
    assert first.count('error:') == 1 and 'another process of this run has ended' in first
    assert 'was ended by SIGKILL' in second
    assert 'Traceback' not in first + second


def test_what_is_missing_is_told():
    for script, count in (('dist_train.sh', 1), ('dist_test.sh', 2), ('slurm_train.sh', 3)):
        ended = subprocess.run([str(ROOT / 'tools' / script), *['x'] * count], capture_output=True, text=True)
        assert ended.returncode == 2 and ended.stderr.startswith('usage: ')


def test_slurm_gets_what_was_asked_for(folder, monkeypatch):
    Path('srun').write_text('#!/bin/sh\necho "$@"\n')
    Path('srun').chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
    monkeypatch.setenv('GPUS', '4')
    told = subprocess.run([str(ROOT / 'tools/slurm_train.sh'), 'gpu', 'job', 'config.py', 'work', '--amp'],
                          capture_output=True, text=True, check=True).stdout
    assert '--partition=gpu --job-name=job --ntasks=4 --ntasks-per-node=4 --gres=gpu:4' in told
    assert told.rstrip().endswith('tools/train.py config.py --work-dir work --launcher slurm --amp')
