"""Checkpoints of other makers are read without running their code, and load wherever ours do."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import save_file

from mmchangenet.apis import ChangeInferencer
from mmchangenet.checkpoint import CheckpointError, backbone_weights_in, read_checkpoint, state_dict_of
from mmchangenet.models import FAN
from mmchangenet.registry import MODELS
from mmchangenet.tao import spec_to_config
from mmchangenet.tao.checkpoint import revert_state_dict
from mmchangenet.tao.command import main

DATA = dict(csv_path='labels.csv', images_dir='images')


class Trap:
    """Creates a file when a pickle of it is executed."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f'touch {self.file}', )


@pytest.fixture(scope='module')
def network():
    """A small Euclidean network of ours, 16×16."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(
            dict(type='SiameseClassifier',
                 input_size=(16, 16),
                 backbone=dict(type='FAN', arch='tiny', out_indices=(3, )),
                 neck=dict(type='EuclideanDifference', embedding_vectors=3),
                 head=dict(type='ContrastiveHead')))
        model.init_weights()
    return model.eval()


@pytest.fixture(scope='module')
def reference(network):
    """Its weights by the reference's names."""
    return revert_state_dict(network.state_dict())


def lightning(weights, **more):
    weights = {f'model.{name}': value for name, value in weights.items()}
    return {'state_dict': weights, 'pytorch-lightning_version': '1.8.5', **more}


def same(weights, network):
    own = network.state_dict()
    return weights.keys() == own.keys() and all(
        torch.equal(value, own[name]) for name, value in weights.items())


def test_a_file_that_would_run_code_is_read_without_running_it(tmp_path, reference, network):
    for protocol in (2, 4):
        file, mark = tmp_path / f'trap{protocol}.ckpt', tmp_path / f'mark{protocol}'
        content = lightning(reference, hyper_parameters=Trap(mark), callbacks={'k': [Trap(mark)]})
        torch.save(content, file, pickle_protocol=protocol)
        assert same(state_dict_of(read_checkpoint(file)), network)
        spec = dict(dataset=dict(classify=dict(test_dataset=DATA, image_height=16, image_width=16)),
                    evaluate=dict(checkpoint=str(file)))
        assert spec_to_config(spec, action='evaluate').model.neck.embedding_vectors == 3
        backbone = FAN('tiny', out_indices=(3, ), init_cfg=dict(type='Pretrained', checkpoint=str(file)))
        backbone.init_weights()
        assert same(backbone.state_dict(), network.backbone)
        assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(tmp_path / 'proof')))
    assert (tmp_path / 'proof').exists(), 'the trap works'


@pytest.mark.parametrize('wrap', [
    lambda weights: weights,
    lambda weights: dict(state_dict=weights),
    lambda weights: dict(model=weights, epoch=3),
    lambda weights: dict(state_dict_ema=weights),
    lambda weights: dict(state_dict={f'module.{name}': value
                                     for name, value in weights.items()}),
    lambda weights: dict(state_dict={f'module.model.{name}': value
                                     for name, value in weights.items()}),
    lambda weights: dict(state_dict={f'model.module.{name}': value
                                     for name, value in weights.items()}),
    lambda weights: lightning(weights, epoch=3),
    lambda weights: dict(lightning(weights),
                         state_dict={**lightning(weights)['state_dict'], 'criterion.weight': torch.ones(2)}),
])
def test_wherever_the_tensors_lie(wrap, reference, network, tmp_path):
    torch.save(wrap(reference), tmp_path / 'net.pth')
    assert same(state_dict_of(read_checkpoint(tmp_path / 'net.pth')), network)


def test_our_own_are_as_they_were(network):
    weights = network.state_dict()
    assert list(state_dict_of(dict(state_dict=weights))) == list(weights)


def test_a_file_without_weights():
    with pytest.raises(CheckpointError, match='no weights in the checkpoint.*but epoch, model'):
        state_dict_of(dict(epoch=3, model={}))


def bare(reference):
    return {
        name.removeprefix('backbone.'): value.clone()
        for name, value in reference.items()
        if name.startswith('backbone.')
    }


@pytest.mark.parametrize('wrap', [
    lambda backbone: backbone,
    lambda backbone: dict(model=backbone),
    lambda backbone: dict(state_dict_ema={f'module.{name}': value for name, value in backbone.items()}),
    lambda backbone: dict(state_dict={f'backbone.{name}': value for name, value in backbone.items()}
                          | {'head.weight': torch.ones(3, 3)}),
    lambda backbone: dict(backbone, **{'head.weight': torch.ones(3, 3), 'norm.bias': torch.ones(3)}),
    'safetensors',
])
def test_bare_backbones(wrap, reference, network, tmp_path):
    file = tmp_path / 'backbone.pth'
    if wrap == 'safetensors':
        file = tmp_path / 'backbone.safetensors'
        save_file(bare(reference), file)
    else:
        torch.save(wrap(bare(reference)), file)
    backbone = FAN('tiny', out_indices=(3, ), init_cfg=dict(type='Pretrained', checkpoint=str(file)))
    backbone.init_weights()
    assert same(backbone.state_dict(), network.backbone)


def test_a_backbone_by_a_prefix_as_in_mmengine(network, tmp_path):
    torch.save(
        dict(state_dict={f'encoder.{name}': value
                         for name, value in network.backbone.state_dict().items()}), tmp_path / 'net.pth')
    backbone = FAN('tiny',
                   init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth'), prefix='encoder'))
    backbone.init_weights()
    assert same(backbone.state_dict(), network.backbone)


def test_a_backbone_that_does_not_fit_is_an_error(tmp_path):
    torch.save(dict(weight=torch.ones(3)), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match='nothing in .*other.pth fits'):
        FAN('tiny', init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'other.pth'))).init_weights()
    assert list(backbone_weights_in({'a.weight': torch.ones(1)})) == ['a.weight']


def test_raw_files_of_the_reference_everywhere(reference, tmp_path, monkeypatch, data_overrides):
    """In a spec's evaluation, as the start of a training and in the inferencer."""
    monkeypatch.chdir(tmp_path)
    torch.save(lightning(reference), 'net.pth')
    spec = tmp_path / 'spec.yaml'
    spec.write_text('dataset: {classify: {input_map: {WhiteLight: 0}, workers: 0, batch_size: '
                    '8}}\nresults_dir: out\n'
                    'inference: {checkpoint: net.pth}\ntrain: {num_epochs: 1, pretrained_model_path: '
                    'net.pth, '
                    'classify: {loss: contrastive}, optim: {lr: 0.0}}\n')
    assert main(['inference', '-e', str(spec), *data_overrides(16)]) == 0
    scores = [
        float(line.rpartition(',')[2])
        for line in Path('out/inference/inference.csv').read_text().splitlines()[1:]
    ]
    inferencer = ChangeInferencer('out/inference/visual_changenet_inference.json', 'net.pth')
    data = Config.fromfile('out/inference/visual_changenet_inference.json').test_dataloader.dataset
    frame = inferencer.score_csv(data.ann_file, data.data_prefix.img_path)
    assert frame.siamese_score.tolist() == pytest.approx(scores, abs=1e-6)
    assert main(['train', '-e', str(spec), *data_overrides(16)]) == 0
    trained = read_checkpoint('out/train/model_epoch_000.pth')['state_dict']
    assert torch.equal(trained['neck.embed.0.weight'], state_dict_of(reference)['neck.embed.0.weight'])
