"""Several goldens a part: the closest counts, for every backbone and both architectures."""

import pytest
import torch

from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample

SIZE = (64, 32)
LEARNABLE = dict(neck=dict(type='LearnableDifference', embed_dim=8), head=dict(type='ChangeClsHead'))
EUCLIDEAN = dict(neck=dict(type='EuclideanDifference'), head=dict(type='ContrastiveHead'))
VIT = dict(width=32, depth=4, num_heads=2, hidden_dim=64, swiglu=True)
BACKBONES = [
    dict(type='FAN', arch='tiny'),
    dict(type='mmpretrain.ResNet', depth=18, stem_channels=8, base_channels=8, out_indices=(0, 1, 2, 3)),
    dict(type='ViTAdapter', arch=VIT, img_size=SIZE),
]


def build(backbone, parts):
    torch.manual_seed(0)
    return SiameseClassifier(backbone, **parts, input_size=SIZE)


def inputs(count=3, num_golden=4):
    torch.manual_seed(1)
    return dict(compare=torch.randn(count, 3, *SIZE), golden=torch.randn(count, num_golden, 3, *SIZE))


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN], ids=['learnable', 'euclidean'])
@pytest.mark.parametrize('backbone', BACKBONES, ids=['fan', 'resnet', 'adapter'])
@torch.no_grad()
def test_the_closest_golden_counts(backbone, parts):
    model, images = build(backbone, parts).eval(), inputs()
    one_by_one = torch.stack([
        torch.tensor([
            sample.score for sample in model(dict(images, golden=images['golden'][:, number]), mode='predict')
        ]) for number in range(4)
    ])
    together = torch.tensor([sample.score for sample in model(images, mode='predict')])
    torch.testing.assert_close(together, one_by_one.min(dim=0).values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.head.scores(model(images)), together, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN], ids=['learnable', 'euclidean'])
@torch.no_grad()
def test_order_and_repeats_of_goldens_do_not_matter(parts):
    model, images = build(BACKBONES[1], parts).eval(), inputs()
    shuffled = dict(images, golden=images['golden'][:, [2, 0, 3, 1, 1, 2]])
    torch.testing.assert_close(model(shuffled), model(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN], ids=['learnable', 'euclidean'])
def test_a_single_golden_in_a_list_is_a_single_golden(parts):
    model, images = build(BACKBONES[1], parts).eval(), inputs(num_golden=1)
    with torch.no_grad():
        torch.testing.assert_close(model(images), model(dict(images, golden=images['golden'][:, 0])))


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN], ids=['learnable', 'euclidean'])
def test_a_step_on_collated_bytes_trains_everything(parts):
    model = build(BACKBONES[1], parts)
    images = torch.randint(0, 256, (4, 4, 3, *SIZE), dtype=torch.uint8)
    data = dict(inputs=dict(compare=list(images[:, 0]), golden=list(images[:, 1:])),
                data_samples=[ChangeDataSample(gt_fail=label) for label in (0, 1, 0, 1)])
    data = model.data_preprocessor(data, training=True)
    assert data['inputs']['golden'].shape == (4, 3, 3, *SIZE)
    model(**data, mode='loss')['loss'].backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


@torch.no_grad()
def test_more_than_two_classes_take_the_closest_goldens_name():
    parts = dict(LEARNABLE, head=dict(type='ChangeClsHead', num_classes=3,
                                      class_names=('PASS', 'missing', 'bridge')))
    model, images = build(BACKBONES[1], parts).eval(), inputs()
    logits = model(images)
    assert logits.shape == (3, 3)
    samples = model(images, mode='predict')
    assert [sample.pred_label for sample in samples] == [
        'PASS' if row.softmax(0)[0] >= 0.5 else ('missing', 'bridge')[row[1:].argmax()] for row in logits]
