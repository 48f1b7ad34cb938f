"""Conversion of networks on vision transformers, at a depth that costs nothing."""

import re

import pytest
import torch

from mmchangenet.checkpoint.reference_names import is_reference_layout
from mmchangenet.models import SiameseClassifier
from mmchangenet.tao.checkpoint import LayoutError, convert_state_dict, infer_structure, revert_state_dict

ARCH = dict(width=64, depth=4, num_heads=1, hidden_dim=128, swiglu=True)
ADAPTER = (dict(type='ViTAdapter', arch=ARCH, img_size=(64, 32)), dict(
    type='LearnableDifference', embed_dim=8), dict(type='ChangeClsHead', embed_dec=6))
DINOV2 = (dict(type='DINOv2', arch=ARCH,
               img_size=56), dict(type='EuclideanDifference'), dict(type='ContrastiveHead'))


def weights(parts, size):
    return SiameseClassifier(*parts, input_size=size).state_dict()


@pytest.mark.parametrize(('parts', 'size'), [(ADAPTER, (64, 32)), (DINOV2, (56, 28))],
                         ids=['adapter', 'dinov2'])
def test_there_and_back_with_the_toolkits_prefix(parts, size):
    ours = weights(parts, size)
    reference = revert_state_dict(ours)
    assert is_reference_layout(reference) and not is_reference_layout(ours)
    again = convert_state_dict({f'model.{key}': tensor for key, tensor in reference.items()})
    assert again.keys() == ours.keys() and all(torch.equal(again[key], ours[key]) for key in ours)


def test_the_weights_tell_their_network():
    structure = infer_structure(weights(ADAPTER, (64, 32)))
    assert structure == dict(backbone='ViTAdapter',
                             arch=ARCH,
                             img_size=(16, 128),
                             difference='learnable',
                             features=8 * 16 * 8,
                             embed_dim=8,
                             num_modules=4,
                             embed_dec=6,
                             num_classes=2)
    structure = infer_structure(weights(DINOV2, (56, 28)))
    assert (structure['backbone'], structure['img_size']) == ('DINOv2', (56, 56))


def test_keys_that_are_too_many_or_too_few_are_named():
    reference = revert_state_dict(weights(ADAPTER, (64, 32)))
    reference['backbone.spm.conv5.0.weight'] = torch.zeros(1)
    del reference['backbone.interactions.3.extra_extractors.1.attn.value_proj.bias']
    with pytest.raises(LayoutError) as raised:
        convert_state_dict(reference)
    assert re.search(r'1 unknown:\s+backbone.spm.conv5.0.weight', str(raised.value))
    assert re.search(r'1 missing:\s+backbone.interactions.3.extra_extractors.1.attn.value_proj.bias',
                     str(raised.value))
