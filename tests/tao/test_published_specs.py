"""Specs as every release publishes them go from training to export with only paths and sizes of the data
changed.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import onnx
import pytest
import torch

from mmchangenet.checkpoint import read_checkpoint
from mmchangenet.models import CRADIO, DINOv3
from mmchangenet.tao.command import main

SPECS = Path(__file__).parent / 'specs'
PUBLISHED = ('release_5_1', 'release_6_0', 'release_6_25', 'release_7', 'release_7_fan',
       *(pytest.param(name, marks=pytest.mark.slow) for name in ('release_5_3', 'release_5_5')))


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_published_spec_goes_from_training_to_export(name, shallow_fan, shallow_radio, spec_data, tmp_path,
                                                       monkeypatch, capsys):
    """All of it as published, but for paths, the sizes of images and network and the number of epochs."""
    monkeypatch.chdir(tmp_path)
    text = (SPECS / f'{name}.yaml').read_text()
    side = 32 if 'c_radio' in text else 16
    shape = [f'dataset.classify.output_shape=[{side},{side}]'] if 'output_shape' in text else [
        f'dataset.classify.image_width={side}', f'dataset.classify.image_height={side}']
    changed = ['results_dir=out', *spec_data, *shape, 'train.num_epochs=1', 'dataset.classify.workers=0',
               'model.decode_head.decoder_params.embed_dim=16',
               *(['train.pretrained_model_path=null'] if '/data/pretrained' in text else [])]
    for action in ('train', 'evaluate', 'inference', 'export'):
        assert main([action, *changed[:1], '-e', str(SPECS / f'{name}.yaml'), *changed[1:]]) == 0, action
        shown = capsys.readouterr().out
        assert sum('without effect here' in line for line in shown.splitlines()) <= 1
        assert shown.count('defaults of release ') == 1
        assert shown.count("normalised with CLIP's mean") == ('c_radio' in text)
        lines = [json.loads(line) for line in Path('out', action, 'status.json').read_text().splitlines()]
        assert lines[0]['status'] == 'STARTED' and lines[-1][
            'message'] == f'{action.capitalize()} finished successfully.'
        assert set(lines[0]) == {'date', 'time', 'status', 'verbosity', 'message'}
        assert Path('out', action, 'experiment.yaml').is_file()
    kpi = [json.loads(line).get('kpi', {}) for line in Path('out/train/status.json').read_text().splitlines()]
    assert any({'val_loss', 'val_acc', 'val_fpr', 'val_far'} <= set(figures) for figures in kpi)
    test, = (json.loads(line)['kpi']
             for line in Path('out/evaluate/status.json').read_text().splitlines()[1:-1])
    assert set(test) == {'test_acc', 'test_fpr', 'test_fnr', 'defect_acc'}
    with open('out/inference/inference.csv', newline='') as file:
        assert all(float(row['siamese_score']) >= 0 for row in csv.DictReader(file))
    onnx.checker.check_model(onnx.load('out/export/changenet-classify.onnx'))
    named = {path.name for path in Path('out/train').glob('*.pth')}
    assert {'changenet_classify.pth', 'changenet_model_classify_latest.pth'} <= named
    assert ('model_epoch_000.pth' in named) == (not name.startswith('release_7'))
    if name.startswith('release_7'):
        assert {'model_epoch_000_step_00004.pth', 'model_best_000.pth'} <= named


@pytest.mark.slow
@pytest.mark.parametrize(('backbone', 'difference', 'loss'), [
    ('vit_small_dinov3', 'learnable', 'ce'), ('vit_small_dinov3', 'euclidean', 'contrastive'),
    ('c_radio_v2_vit_base_patch16_224', 'euclidean', 'contrastive')])
def test_the_other_backbones_of_7_take_the_same_way(backbone, difference, loss, shallow_radio, spec_data, tmp_path,
                                                    monkeypatch):
    """Two lightings below each other, which is no square, and a frozen backbone with weights of its own."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    kind = DINOv3 if 'dinov3' in backbone else CRADIO
    torch.save(dict(state_dict=kind('small' if kind is DINOv3 else 'base').vit.state_dict()), 'weights.pth')
    changed = ['results_dir=out', *spec_data, 'dataset.classify.image_width=32', 'dataset.classify.image_height=32',
               'dataset.classify.input_map={SolderLight:0,WhiteLight:1}', 'dataset.classify.num_input=2',
               'train.num_epochs=1', 'dataset.classify.workers=0', f'model.backbone.type={backbone}',
               f'model.classify.difference_module={difference}', f'train.classify.loss={loss}',
               'model.backbone.freeze_backbone=true', 'model.backbone.pretrained_backbone_path=weights.pth',
               'model.decode_head.decoder_params.embed_dim=16']
    for action in ('train', 'evaluate', 'inference', 'export'):
        assert main([action, '-e', str(SPECS / 'release_7.yaml'), *changed]) == 0, action
    trained = read_checkpoint('out/train/changenet_classify.pth')['state_dict']
    given = read_checkpoint('weights.pth')['state_dict']
    assert all(torch.equal(trained[f'backbone.vit.{name}'], weight) for name, weight in given.items())


def test_weights_of_another_backbone_are_an_error(shallow_radio, spec_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=DINOv3('small').vit.state_dict()), 'weights.pth')
    assert main(['train', '-e', str(SPECS / 'release_7.yaml'), *spec_data, 'results_dir=out',
                 'dataset.classify.workers=0', 'model.backbone.pretrained_backbone_path=weights.pth']) == 2
    assert 'transformers of C-RADIO' in capsys.readouterr().err
