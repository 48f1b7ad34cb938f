"""The backbones that specs can name become ours, of the same size and fed with the same numbers."""

from __future__ import annotations

import pytest
import torch

from mmchangenet.models import CRADIO, FAN, DINOv3, SiameseClassifier
from mmchangenet.tao import spec_to_config
from mmchangenet.tao.backbones import BACKBONES
from mmchangenet.tao.checkpoint import infer_structure
from mmchangenet.tao.config import build_config
from mmchangenet.tao.network import read_known
from mmchangenet.tao.spec import SpecError, read_spec

RADIO, DINO = 'c_radio_v2_vit_base_patch16_224', 'vit_small_dinov3'
CLIP = [122.771, 116.746, 104.094], [68.501, 66.632, 70.323]
IMAGENET = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def spec(backbone, difference='learnable', side=(224, 224), normalisation=None, **model):
    """A spec that can be evaluated, and trained."""
    data = dict(csv_path='labels.csv', images_dir='images')
    classify = {f'{name}_dataset': data for name in ('train', 'validation', 'test')}
    classify.update(num_input=1, image_height=side[0], image_width=side[1])
    if normalisation:
        classify['augmentation_config'] = dict(
            zip(('rgb_input_mean', 'rgb_input_std'), normalisation, strict=True))
    return dict(
        train=dict(classify=dict(loss='ce' if difference == 'learnable' else 'contrastive')),
        model=dict(backbone=dict(type=backbone, **model), classify=dict(difference_module=difference)),
        dataset=dict(classify=classify), evaluate=dict(checkpoint='absent.pth'))


@pytest.mark.parametrize('name', BACKBONES)
@pytest.mark.parametrize('difference', ['learnable', 'euclidean'])
def test_every_type_is_one_of_our_backbones(name, difference):
    backbone = spec_to_config(spec(name, difference), action='evaluate').model.backbone
    of_type = BACKBONES[name]
    assert backbone.type == (of_type.adapter if difference == 'learnable' else of_type.plain)
    assert backbone.arch == of_type.arch


def test_the_table_names_every_size_that_there_is():
    for kind, backbone in (('FAN', FAN), ('CRADIO', CRADIO), ('DINOv3', DINOv3)):
        archs = {of_type.arch for of_type in BACKBONES.values() if of_type.plain == kind}
        assert archs == {*backbone.variants}


@pytest.mark.parametrize('name', [RADIO, DINO])
def test_summary_tokens_are_an_option(name):
    given = spec(name)
    assert spec_to_config(given, action='evaluate').model.backbone.use_summary is False, 'the default of 7.x'
    given['model']['decode_head'] = dict(use_summary_token=True)
    assert spec_to_config(given, action='evaluate').model.backbone.use_summary is True


@pytest.mark.parametrize(('name', 'release', 'given', 'used'), [
    (RADIO, None, None, CLIP), (RADIO, None, [[0.485, 0.456, 0.406], [0.226, 0.226, 0.226]], CLIP),
    (RADIO, None, [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], ([127.5] * 3, [127.5] * 3)),
    (RADIO, '6.25', None, IMAGENET), (DINO, None, None, IMAGENET)])
def test_images_are_normalised_as_the_release_does(name, release, given, used):
    """And the log says with what numbers, where that is no matter of course."""
    read = read_spec(spec(name, normalisation=given), [], release)
    config = build_config(read, 'evaluate')
    assert ('images are normalised with' in '\n'.join(read.report())) == (name == RADIO)
    for found, wanted in zip((config.model.data_preprocessor.mean, config.model.data_preprocessor.std), used,
                             strict=True):
        assert found == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize(('name', 'difference', 'side', 'said'), [
    (RADIO, 'learnable', (240, 224), 'multiples of 32'), (DINO, 'euclidean', (232, 224), 'multiples of 16')])
def test_sizes_are_multiples_of_what_the_backbone_takes(name, difference, side, said):
    with pytest.raises(SpecError, match=said):
        spec_to_config(spec(name, difference, side), action='evaluate')
    config = spec_to_config(spec(name, difference, (448, 224)), action='evaluate')
    assert config.model.input_size == (448, 224)


@pytest.mark.parametrize(('name', 'said'), [
    ('c_radio_p1_vit_huge_patch16_224_mlpnorm', 'has none such'),
    ('c_radio_v3_vit_base_patch16_224', 'is not one of')])
def test_what_is_not_built_is_refused_by_name(name, said):
    with pytest.raises(SpecError, match=said):
        spec_to_config(spec(name), action='evaluate')


@pytest.mark.parametrize(('name', 'depth'), [(RADIO, 12), ('vit_huge_plus_dinov3', 32)])
def test_a_frozen_backbone_is_frozen_whole(name, depth):
    given = spec(name, freeze_backbone=True, pretrained_backbone_path='weights.safetensors')
    backbone = spec_to_config(given).model.backbone
    assert backbone.frozen_stages == depth
    assert backbone.init_cfg == dict(type='Pretrained', checkpoint='weights.safetensors')
    with pytest.raises(SpecError, match='random weights would stay random'):
        spec_to_config(spec(name, freeze_backbone=True))


@pytest.mark.parametrize('summary', [True, False])
def test_a_checkpoint_gives_what_the_spec_leaves_out(summary, tmp_path):
    """Of a network of another size than all that have a name, and the conflict that is one."""
    arch = dict(CRADIO.variants['base'], embed_dim=64, depth=4, num_heads=1)
    network = SiameseClassifier(dict(type='CRADIOAdapter', arch=arch, use_summary=summary),
                                dict(type='LearnableDifference', embed_dim=8), dict(type='ChangeClsHead'),
                                input_size=(64, 32))
    file = tmp_path / 'network.pth'
    torch.save(dict(state_dict=network.state_dict()), file)
    structure = infer_structure(network.state_dict())
    assert (structure['backbone'], structure['arch']) == ('CRADIOAdapter', arch)
    assert structure['use_summary'] is summary
    assert read_known(str(file)).pixels == 64 * 32
    given = spec(RADIO, side=(64, 32))
    given['evaluate'] = dict(checkpoint=str(file))
    backbone = spec_to_config(given, action='evaluate').model.backbone
    assert (backbone.arch, backbone.use_summary) == (arch, summary)
    given['model']['decode_head'] = dict(use_summary_token=not summary)
    with pytest.raises(SpecError, match='use_summary_token'):
        spec_to_config(given, action='evaluate')
