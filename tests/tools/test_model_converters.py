"""tools/model_converters: there and back, with a listing."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmchangenet.checkpoint import load_for_scoring, read_checkpoint
from mmchangenet.models import FAN, DINOv2
from mmchangenet.registry import MODELS
from mmchangenet.tao.checkpoint import revert_state_dict

TOOLS = Path(__file__).parents[2] / 'tools/model_converters'
EUCLIDEAN = dict(type='SiameseClassifier',
                 input_size=(16, 16),
                 backbone=dict(type='FAN', arch='tiny', out_indices=(3, )),
                 neck=dict(type='EuclideanDifference', embedding_vectors=3),
                 head=dict(type='ContrastiveHead'))


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """Runs a converter: ``tool(name, *arguments)`` gives the exit code."""
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        return module.main()

    return run


@pytest.fixture(scope='module')
def network():
    return MODELS.build(EUCLIDEAN).eval()


def test_a_whole_network_there_and_back(tool, network, capsys):
    weights = {f'model.{name}': value for name, value in revert_state_dict(network.state_dict()).items()}
    more = {'criterion.weight': torch.ones(2)}
    torch.save({'state_dict': {**weights, **more}, 'pytorch-lightning_version': '1.8.5'}, 'theirs.ckpt')
    assert tool('reference_to_mmchangenet', 'theirs.ckpt', 'ours.pth') == 0
    shown = capsys.readouterr().out
    assert f'used ({len(weights)}):' in shown and '  fc1.0.weight' in shown
    assert 'dropped (1):\n  criterion.weight' in shown and 'missing (0)' in shown
    fresh = MODELS.build(EUCLIDEAN)
    load_for_scoring(fresh, 'ours.pth')
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in network.state_dict().items())

    assert tool('mmchangenet_to_reference', 'ours.pth', 'back.ckpt') == 0
    back = read_checkpoint('back.ckpt')['state_dict']
    assert back.keys() == weights.keys() and all(torch.equal(back[name], weights[name]) for name in weights)


def test_bare_backbones(tool, network, capsys):
    torch.save(dict(state_dict=network.state_dict()), 'ours.pth')
    assert tool('mmchangenet_to_reference', 'ours.pth', 'backbone.pth', '--backbone') == 0
    theirs = read_checkpoint('backbone.pth')['state_dict']
    assert 'patch_embed.backbone.stem.0.weight' in theirs and not any('fc1.0' in name and 'mlp' not in name
                                                                      for name in theirs)
    lacking = {name: value for name, value in theirs.items() if name != 'cls_token'}
    torch.save(dict(model=dict(lacking, **{'head.weight': torch.ones(2, 2)})), 'published.pth')
    capsys.readouterr()
    assert tool('reference_to_mmchangenet', 'published.pth', 'again.pth') == 0
    shown = capsys.readouterr().out
    assert 'dropped (1):\n  backbone.head.weight' in shown and 'missing (1):\n  backbone.cls_token' in shown
    backbone = FAN('tiny', init_cfg=dict(type='Pretrained', checkpoint='again.pth'))
    backbone.init_weights()
    own = network.backbone.state_dict()
    assert all(
        torch.equal(value, own[name]) for name, value in backbone.state_dict().items() if name != 'cls_token')


def test_a_transformer_is_resized_for_a_config(tool, capsys):
    arch = dict(width=64, depth=2, num_heads=1, hidden_dim=128, swiglu=True)
    public = DINOv2(arch, img_size=42)
    torch.save({f'backbone.{name}': value for name, value in public.state_dict().items()}, 'dinov2.pth')
    Config(dict(model=dict(
        backbone=dict(type='DINOv2', arch=arch, img_size=64, patch_size=16)))).dump('config.py')
    assert tool('reference_to_mmchangenet', 'dinov2.pth', 'ours.pth', '--config', 'config.py') == 0
    assert 'dropped (0)' in capsys.readouterr().out
    ours = read_checkpoint('ours.pth')['state_dict']
    assert ours['backbone.pos_embed'].shape == (
        1, 17, 64) and ours['backbone.patch_embed.proj.weight'].shape[-1] == 16
    assert torch.equal(ours['backbone.blocks.1.attn.qkv.weight'],
                       public.state_dict()['blocks.1.attn.qkv.weight'])


@pytest.mark.parametrize('name, content, message', [
    ('reference_to_mmchangenet', None, 'there is no checkpoint source.pth'),
    ('reference_to_mmchangenet', {'weight': torch.ones(2)}, 'is not in the toolkit\'s layout'),
    ('mmchangenet_to_reference', {'weight': torch.ones(2)}, 'neither a whole Visual ChangeNet network nor a FAN backbone')])
def test_mistakes_are_messages(tool, capsys, name, content, message):
    if content is not None:
        torch.save(content, 'source.pth')
    assert tool(name, 'source.pth', 'target.pth') == 2
    error = capsys.readouterr().err
    assert message in error and 'Traceback' not in error and not Path('target.pth').exists()


def test_what_a_whole_network_lacks_is_named(tool, network, capsys):
    weights = revert_state_dict(network.state_dict())
    del weights['fc1.3.bias'], weights['backbone.blocks.3.norm1.weight']
    torch.save(weights, 'theirs.pth')
    assert tool('reference_to_mmchangenet', 'theirs.pth', 'ours.pth') == 2
    error = capsys.readouterr().err
    assert 'missing: neck.embed.3.bias' in error and 'missing: backbone.blocks.3.norm1.weight' in error


def test_an_existing_target_is_kept(tool, network):
    torch.save(network.state_dict(), 'ours.pth')
    Path('theirs.pth').write_text('precious')
    assert tool('mmchangenet_to_reference', 'ours.pth', 'theirs.pth') == 2
    assert Path('theirs.pth').read_text() == 'precious'
