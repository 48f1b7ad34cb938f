"""tools/export_runtime.py: a folder that scores, and mistakes told without a stack trace."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmchangenet.checkpoint import write_checkpoint
from mmchangenet.registry import MODELS
from mmchangenet.runtime import ChangeRuntime

ROOT = Path(__file__).parents[2]
MODEL = dict(type='SiameseClassifier',
             input_size=(32, 32),
             backbone=dict(type='mmpretrain.ResNet',
                           depth=18,
                           stem_channels=16,
                           base_channels=8,
                           out_indices=(0, 1, 2, 3),
                           _scope_='mmpretrain'),
             neck=dict(type='EuclideanDifference', hidden_dim=16),
             head=dict(type='ContrastiveHead'))
PIPELINE = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=(32, 32)),
    dict(type='LayOutLightings'),
    dict(type='PackChangeInputs')
]


@pytest.fixture
def trained(tmp_path):
    """A config file and a checkpoint with a threshold picked for it."""
    dataset = dict(type='LightingPairDataset', ann_file='labels.csv', pipeline=PIPELINE)
    config = Config(dict(model=MODEL, test_dataloader=dict(dataset=dataset), default_scope='mmchangenet'))
    config.dump(tmp_path / 'config.py')
    torch.manual_seed(0)
    weights = MODELS.build(MODEL).state_dict()
    write_checkpoint(dict(state_dict=weights, meta=dict(threshold=dict(value=0.125))),
                     tmp_path / 'trained.pth')
    return tmp_path / 'config.py', tmp_path / 'trained.pth'


@pytest.fixture
def export(monkeypatch):
    """Runs the command in this process: ``export(*arguments)`` gives the exit code."""

    def run(*arguments):
        path = ROOT / 'tools' / 'export_runtime.py'
        spec = importlib.util.spec_from_file_location('tool_export_runtime', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
        return module.main()

    return run


def test_the_folder_scores_with_the_picked_threshold(export, trained, tmp_path, capsys):
    assert export(*trained, tmp_path / 'exported') == 0
    assert 'threshold 0.125' in capsys.readouterr().out
    runtime = ChangeRuntime(tmp_path / 'exported', threads=1)
    assert runtime.threshold == 0.125 and runtime.settings.lightings is None


def test_a_margin_given_by_hand_counts(export, trained, tmp_path):
    assert export(*trained, tmp_path / 'exported', '--margin', '0.5') == 0
    assert ChangeRuntime(tmp_path / 'exported').threshold == 0.5


def test_mistakes_are_told_without_a_stack(export, trained, tmp_path, capsys):
    config, checkpoint = trained
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'file').touch()
    for arguments, message in (
        ([config, tmp_path / 'no.pth', tmp_path / 'a'], 'no.pth'),
        ([config, checkpoint, tmp_path / 'full'], 'no empty folder'),
        ([config, checkpoint, tmp_path / 'a', '--cfg-options',
          'test_dataloader.dataset.type=ConcatDataset'], 'ConcatDataset'),
        ([config, checkpoint, tmp_path / 'a', '--opset', '30'], 'opset 30'),
    ):
        assert export(*arguments) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / 'a').exists()
