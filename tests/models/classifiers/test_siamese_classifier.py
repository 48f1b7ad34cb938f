"""The assembled network: sizes follow from the backbone, any backbone fits, both sides pass it as one
batch."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample

LEARNABLE = dict(neck=dict(type='LearnableDifference', embed_dim=16), head=dict(type='ChangeClsHead'))
EUCLIDEAN = dict(neck=dict(type='EuclideanDifference'), head=dict(type='ContrastiveHead'))
RESNET = dict(type='mmpretrain.ResNet', depth=18, out_indices=(0, 1, 2, 3), _scope_='mmpretrain')


def build(backbone=None, input_size=(64, 32), **parts):
    torch.manual_seed(0)
    return SiameseClassifier(backbone or dict(type='FAN', arch='tiny'), **(parts or LEARNABLE),
                             input_size=input_size)


def pair(count=2, size=(64, 32)):
    torch.manual_seed(1)
    return dict(compare=torch.randn(count, 3, *size), golden=torch.randn(count, 3, *size))


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN])
@pytest.mark.parametrize('backbone', [dict(type='FAN', arch='tiny'), dict(type='FAN', arch='small'), RESNET])
def test_another_backbone_is_a_change_of_its_config_alone(backbone, parts):
    model = build(backbone, **parts)
    samples = [ChangeDataSample(gt_fail=label) for label in (0, 1)]
    model(pair(), samples, mode='loss')['loss'].backward()
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    assert gradients and all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN])
@torch.no_grad()
def test_sides_encoded_apart_compare_as_sides_encoded_together(parts):
    model, images = build(**parts).eval(), pair()
    together = model(images)
    apart = model.compare(model.encode(images['compare']), model.encode(images['golden']))
    torch.testing.assert_close(apart, together)
    assert together.shape == ((2, 2) if parts is LEARNABLE else (2, ))


@torch.no_grad()
def test_predict_works_without_samples():
    samples = build(**EUCLIDEAN).eval()(pair(), mode='predict')
    assert all(isinstance(sample, ChangeDataSample) and sample.score >= 0 for sample in samples)


def test_the_whole_step_from_collated_bytes():
    model = build()
    data = dict(
        inputs={
            side: list(torch.randint(0, 256, (3, 3, 64, 32), dtype=torch.uint8))
            for side in ('compare', 'golden')
        }, data_samples=[ChangeDataSample(gt_fail=label) for label in (0, 1, 1)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    log = model.train_step(data, OptimWrapper(optimizer))
    assert log['loss'].isfinite()


def test_images_of_another_size_are_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r'\(64, 32\).*\(128, 32\).*input_size'):
        build().eval()(pair(size=(128, 32)))


def test_a_size_that_the_backbone_cannot_take_is_refused_when_the_network_is_built():
    with pytest.raises(ValueError, match='multiples of 16.*100×100'):
        build(input_size=(100, 100))


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match="'train'.*'tensor', 'loss' or 'predict'"):
        build()(pair(), mode='train')
