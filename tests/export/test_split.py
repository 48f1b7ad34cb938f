"""The parts of a split network compute what the whole network computes."""


import pytest
import torch
from networks import build_network, random_sides, whole_scores

from mmchangenet.export.fan_graph import GraphFAN
from mmchangenet.export.split import split_network
from mmchangenet.models.necks import EuclideanDifference
from mmchangenet.registry import MODELS


@torch.no_grad()
def split_scores(parts, compare, golden):
    """Scores and what else the comparator gives."""
    prepared = parts.encoder(golden)
    if parts.golden_half:
        prepared = parts.golden_half(*prepared)
    return parts.comparator(*parts.encoder(compare), *prepared)


@pytest.mark.parametrize(('backbone', 'difference', 'settings'), [
    ('fan', 'learnable', {}),
    ('fan', 'euclidean', dict(out_indices=(3, ))),
    ('resnet', 'learnable', {}),
    ('resnet', 'euclidean', {}),
])
def test_parts_give_the_scores_of_the_whole(backbone, difference, settings):
    model = build_network(backbone, difference, **settings)
    sides = random_sides(model)
    expected = whole_scores(model, *sides)
    scores = split_scores(split_network(model), *sides)
    assert expected.std() > 1e-3  # scores that tell pairs apart
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize('num_modules', [1, 2, 3])
def test_fewer_difference_modules(num_modules):
    model = build_network('resnet', 'learnable', neck=dict(num_modules=num_modules))
    sides = random_sides(model)
    parts = split_network(model)
    assert len(parts.encoder(sides[0])) == num_modules
    torch.testing.assert_close(split_scores(parts, *sides), whole_scores(model, *sides), atol=1e-4, rtol=0)


def test_more_classes_give_probabilities_too():
    model = build_network('resnet',
                          'learnable',
                          head=dict(num_classes=3, class_names=('PASS', 'missing', 'shifted')))
    sides = random_sides(model)
    scores, probabilities = split_scores(split_network(model), *sides)
    torch.testing.assert_close(scores, whole_scores(model, *sides), atol=1e-4, rtol=0)
    torch.testing.assert_close(1 - probabilities[:, 0], scores)


def test_a_neck_of_another_kind_is_split_as_it_is():
    @MODELS.register_module(force=True)
    class ManhattanDifference(EuclideanDifference):
        """Another distance."""

        def compare(self, compare, golden):
            return (compare - golden).abs().sum(dim=1)

    model = build_network('resnet', 'euclidean', neck=dict(type='ManhattanDifference'))
    sides = random_sides(model)
    parts = split_network(model)
    assert parts.golden_half is None
    torch.testing.assert_close(split_scores(parts, *sides), whole_scores(model, *sides), atol=1e-4, rtol=0)


@pytest.mark.parametrize('out_indices', [(0, 1, 2, 3), (1, 2), (0, ), (3, )])
@torch.no_grad()
def test_the_graph_of_fan_gives_its_levels(out_indices):
    model = build_network('fan', 'euclidean', out_indices=out_indices)
    images = torch.randn(2, 3, 64, 48)
    levels, expected = GraphFAN(model.backbone, (64, 48)).eval()(images), model.backbone(images)
    for level, wanted in zip(levels, expected, strict=True):
        torch.testing.assert_close(level, wanted, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_codes_are_smaller_than_projected_levels():
    """Levels with fewer channels than the projection leave the encoder unprojected, deeper ones projected."""
    model = build_network('fan', 'learnable')
    code = split_network(model).encoder(random_sides(model)[0])
    assert [part.shape[1] for part in code] == [128, 160, 160, 160]


def test_the_network_stays_as_it_was_and_trains_on():
    model = build_network('fan', 'learnable').train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = [parameter.requires_grad for parameter in model.parameters()]
    parts = split_network(model)
    assert all(module.training for module in model.modules())
    assert [parameter.requires_grad for parameter in model.parameters()] == trained
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module.training for part in parts for module in part.modules())
