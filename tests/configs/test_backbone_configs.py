"""The configs of DINOv2, of the light network and of the other backbones build, and train on the demo
boards."""

from pathlib import Path

import pytest
import torch
from compare_backbones import cost
from mmengine.config import Config
from mmengine.runner import Runner

from mmchangenet.boards.demo import generate_demo
from mmchangenet.checkpoint import read_checkpoint
from mmchangenet.engine import ChangeRunner
from mmchangenet.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs'
FAMILIES = sorted(file for family in ('radio', 'dinov3') for file in (CONFIGS / family).glob('*.py'))
SHALLOW = dict(width=64, depth=4, num_heads=2, hidden_dim=128, swiglu=True)


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp('boards') / 'demo'
    generate_demo(root, num_boards=3, size=32)
    return str(root)


def load(name, demo, folder):
    """The config on the small demo data, a part of it, one epoch."""
    config = Config.fromfile(CONFIGS / f'{name}.py')
    for loader, rows in (('train_dataloader', 8), ('val_dataloader', 6), ('test_dataloader', 6)):
        config[loader].update(num_workers=0, persistent_workers=False, batch_size=4)
        config[loader].dataset.update(data_root=demo, indices=list(range(rows)))
    config.train_cfg.max_epochs = 1
    config.work_dir = str(folder / 'run')
    return config


@pytest.mark.parametrize('name', ['changenet_dinov2', 'changenet_dinov2_adapter', 'changenet_light'])
def test_trains_on_the_demo_boards(name, demo, tmp_path):
    config = load(name, demo, tmp_path)
    if 'dinov2' in name:
        assert config.model.backbone.arch == 'nv_large'
        config.model.backbone.arch = SHALLOW
        config.model.backbone.frozen_stages = 1
        config.model.neck.update(dict(embed_dim=16) if 'adapter' in name else {})
    config.train_dataloader.sampler = dict(type='PairSampler', shuffle=True)
    runner = ChangeRunner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
    assert read_checkpoint(
        f'{config.work_dir}/epoch_1.pth')['state_dict'].keys() == runner.model.state_dict().keys()
    if 'dinov2' in name:
        scales = {group['lr_scale'] for group in runner.optim_wrapper.optimizer.param_groups}
        assert len(scales) == 4  # blocks 1 to 3, and all that stands behind them


# of the toolkit's backbones, as far as they are known; of large the width and the blocks
MILLIONS = {('CRADIO', 'base'): 98.2, ('CRADIOAdapter', 'base'): 121.7, ('DINOv3', 'small'): 21.6,
            ('DINOv3Adapter', 'small'): 28.4, ('DINOv3Adapter', 'base'): 107.3}


@pytest.mark.parametrize('file', FAMILIES, ids=lambda file: file.stem)
def test_c_radio_and_dinov3_are_of_the_size_that_they_say(file):
    config = Config.fromfile(file).model.backbone
    with torch.device('meta'):
        backbone = MODELS.build(config)
    count = sum(parameter.numel() for parameter in backbone.parameters()) / 1e6
    if config.arch == 'large':
        assert (backbone.width, backbone.depth, backbone.num_heads) == (1024, 24, 16)
    else:
        assert count == pytest.approx(MILLIONS[config.type, config.arch], abs=0.1)


@pytest.mark.parametrize('name', ['radio/changenet_radio-base', 'radio/changenet_radio-base_adapter',
                                  'dinov3/changenet_dinov3-small', 'dinov3/changenet_dinov3-small_adapter'])
def test_c_radio_and_dinov3_train_on_the_demo_boards(name, demo, tmp_path):
    config = load(name, demo, tmp_path)
    model_name = 'vit_base_patch16_radio_v3' if 'radio' in name else 'vit_small_patch16_dinov3'
    config.model.backbone.update(
        frozen_stages=1, arch=dict(model_name=model_name, embed_dim=32, depth=4, num_heads=2,
                                   init_values=0.0 if 'radio' in name else 1e-5))
    config.model.neck.update(dict(embed_dim=16) if 'adapter' in name else {})
    config.train_dataloader.sampler = dict(type='PairSampler', shuffle=True)
    runner = ChangeRunner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
    assert len({group['lr_scale']
                for group in runner.optim_wrapper.optimizer.param_groups}) == 4  # blocks 1 to 3, and the rest


def test_the_light_network_takes_less_than_a_gflop_a_pair():
    assert cost(Config.fromfile(CONFIGS / 'changenet_light.py'), seconds=0)['gflop'] < 1


@pytest.mark.parametrize('file', sorted((CONFIGS / 'backbones').glob('*.py')), ids=lambda file: file.stem)
def test_another_backbone_is_its_line_alone(file):
    config, base = Config.fromfile(file), Config.fromfile(CONFIGS / 'changenet_resnet_deeppcb.py')
    assert {key for key in base if config[key] != base[key]} == {'model'}
    assert {key for key in base.model if config.model[key] != base.model[key]} == {'backbone'}
    assert len(MODELS.build(config.model)._feature_shapes()) == 4


def test_several_goldens_go_through_training_and_evaluation(demo, tmp_path):
    config = load('changenet_light', demo, tmp_path)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        config[loader].dataset.num_golden = 3
    config.train_dataloader.sampler = dict(type='PairSampler', shuffle=True)
    batch = next(iter(Runner.build_dataloader(config.train_dataloader)))
    assert batch['inputs']['golden'][0].shape == (3, 3, 128, 128)
    runner = ChangeRunner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
