"""Both difference necks: what they compute, and which backbones they take."""

import pytest
import torch
from torch.nn import functional as F

from mmchangenet.models import EuclideanDifference, LearnableDifference

SHAPES = [(8, 16, 8), (16, 8, 4), (24, 4, 2), (24, 4, 2)]


def features(count=3, seed=0, shapes=SHAPES):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(count, *shape, generator=generator) for shape in shapes]


def compared_as_described(neck, compare, golden):
    """The learnable difference word by word: project, difference, coarse to fine, enlarge, concatenate,
    fuse."""
    used = list(neck.used)
    differences = {}
    for level in reversed(used):
        sides = [neck.project[level](side[level]) for side in (compare, golden)]
        differences[level] = neck.difference[level](torch.cat(sides, 1))
        if level + 1 in differences:
            above = F.interpolate(differences[level + 1], differences[level].shape[-2:], mode='bilinear',
                                  align_corners=False)
            differences[level] = differences[level] + above
    finest = compare[0].shape[-2:]
    enlarged = [
        F.interpolate(differences[level], finest, mode='bilinear', align_corners=False)
        for level in reversed(used)
    ]
    return neck.fuse_norm(neck.fuse(torch.cat(enlarged, 1)))


@pytest.mark.parametrize('num_modules', [1, 2, 3, 4])
@pytest.mark.parametrize('training', [False, True])
def test_learnable_difference_computes_what_is_described(num_modules, training):
    torch.manual_seed(0)
    neck = LearnableDifference(SHAPES, embed_dim=12, num_modules=num_modules).train(training)
    compare, golden = features(seed=1), features(seed=2)
    with torch.no_grad():
        expected = compared_as_described(neck, compare, golden)
        result = neck.compare(neck.encode(compare), neck.encode(golden))
    assert tuple(result.shape[1:]) == neck.out_shape == (12, 16, 8)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)


def test_levels_that_are_not_compared_keep_their_parameters():
    neck = LearnableDifference(SHAPES, embed_dim=12, num_modules=2)
    neck.compare(neck.encode(features(seed=1)), neck.encode(features(seed=2))).square().sum().backward()
    for name, parameter in neck.named_parameters():
        unused = name.startswith(('project.0', 'project.1', 'difference.0', 'difference.1'))
        assert (parameter.grad is None) == unused, name
    assert LearnableDifference(SHAPES, embed_dim=12).state_dict().keys() == neck.state_dict().keys()


def test_a_backbone_of_few_levels_compares_them_all():
    neck = LearnableDifference(SHAPES[:3], embed_dim=12, num_modules=4)
    assert neck.state_dict().keys() == LearnableDifference(SHAPES[:3], embed_dim=12,
                                                           num_modules=3).state_dict().keys()


def test_odd_sizes_are_brought_together():
    shapes = [(4, 15, 9), (8, 7, 5), (8, 4, 3)]
    neck = LearnableDifference(shapes, embed_dim=8, num_modules=3)
    code = neck.encode(features(shapes=shapes))
    assert neck.compare(code, code).shape == (3, 8, 15, 9)


@pytest.mark.parametrize(('shapes', 'num_modules', 'message'), [
    ([(24, 4, 2)], 1, 'several levels.*out_indices'),
    ([(8, 4, 2), (24, )], 2, 'several levels'),
    (SHAPES[::-1], 4, 'finest level first'),
    (SHAPES, 0, 'num_modules 0.*at least 1'),
])
def test_learnable_difference_says_what_it_cannot_take(shapes, num_modules, message):
    with pytest.raises(ValueError, match=message):
        LearnableDifference(shapes, embed_dim=8, num_modules=num_modules)


def test_euclidean_difference_is_the_distance_of_embeddings_of_the_last_level():
    torch.manual_seed(0)
    neck = EuclideanDifference(SHAPES, embedding_vectors=5).eval()
    compare, golden = (neck.encode(features(seed=seed)) for seed in (1, 2))
    assert compare.shape == (3, 5)
    torch.testing.assert_close(neck.compare(compare, golden),
                               (compare - golden + 1e-6).square().sum(1).sqrt())


def test_euclidean_difference_takes_a_class_token():
    neck = EuclideanDifference([(32, )])
    assert neck.encode([torch.randn(3, 32)]).shape == (3, 5)
