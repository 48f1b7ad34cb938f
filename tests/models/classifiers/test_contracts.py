"""What a user's neck, head and tools may count on, and what is refused by name."""

import doctest

import pytest
import torch
from mmengine.analysis import get_model_complexity_info

from mmchangenet.models import SiameseClassifier
from mmchangenet.models.heads import base_change_head
from mmchangenet.models.necks import base_difference

RESNET = dict(type='mmpretrain.ResNet', depth=18, stem_channels=16, base_channels=8, out_indices=(2, 3),
              _scope_='mmpretrain')
NECK, HEAD = dict(type='EuclideanDifference'), dict(type='ContrastiveHead')


@pytest.mark.parametrize('module', [base_change_head, base_difference],
                         ids=lambda module: module.__name__.split('.')[-1])
def test_the_examples_run(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


@pytest.mark.parametrize(('parts', 'message'), [
    (dict(neck=dict(type='mmpretrain.GlobalAveragePooling')),
     'model.neck.*GlobalAveragePooling is no BaseDifference'),
    (dict(head=dict(type='mmpretrain.LinearClsHead')),
     'model.head.*LinearClsHead is no BaseChangeHead.*ChangeClsHead'),
    (dict(head=dict(type='EuclideanDifference')), 'EuclideanDifference is no BaseChangeHead'),
    (dict(neck=dict(type=torch.nn.Identity)), 'Identity is no BaseDifference'),
])
def test_a_part_of_the_wrong_kind_is_refused_when_the_network_is_built(parts, message):
    with pytest.raises(TypeError, match=message):
        SiameseClassifier(**dict(dict(backbone=RESNET, neck=NECK, head=HEAD), **parts), input_size=(64, 64))


def test_operations_are_counted_by_the_shape_of_an_image():
    model = SiameseClassifier(RESNET, NECK, HEAD, input_size=(64, 64)).eval()
    by_shape = get_model_complexity_info(model, (3, 64, 64), show_table=False, show_arch=False)
    backbone = get_model_complexity_info(model.backbone, (3, 64, 64), show_table=False, show_arch=False)
    assert by_shape['params'] == sum(parameter.numel() for parameter in model.parameters())
    assert 2 * backbone['flops'] < by_shape['flops'] < 2.2 * backbone[
        'flops']  # both sides, and their comparison
