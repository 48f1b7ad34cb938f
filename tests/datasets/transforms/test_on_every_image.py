"""Transforms of mmcv and mmpretrain on pairs: one draw for all images of a sample, from the row's own
generator."""

import random

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform

from mmchangenet.datasets.transforms import OnEveryImage


def pair(seed=0, lightings=3):
    """The same picture as every lighting of both sides."""
    image = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    return np.broadcast_to(image, (2, lightings, 20, 24, 3)).copy()


def transformed(transforms, seed=0, images=None):
    results = dict(images=pair() if images is None else images, rng=np.random.default_rng(seed))
    return OnEveryImage(transforms)(results)['images']


CROP = dict(type='mmpretrain.RandomResizedCrop', scale=(16, 12))


@pytest.mark.parametrize('transform', [
    dict(type='mmcv.RandomFlip', prob=0.5), CROP, dict(type='mmpretrain.Rotate', angle=30., prob=0.5),
    dict(type='mmcv.RandomGrayscale', prob=0.5)], ids=lambda transform: transform['type'])
def test_all_images_get_the_same_draw_and_rows_differ(transform):
    done = [transformed(transform, seed) for seed in range(8)]
    for images in done:
        assert images.dtype == np.uint8 and (images == images[0, 0]).all()
    assert len({images.tobytes() for images in done}) > 1


def test_the_rows_generator_decides_and_no_other_is_disturbed():
    np.random.seed(1), random.seed(1), torch.manual_seed(1)
    expected = np.random.random(), random.random(), torch.rand(1)
    first = transformed(CROP)
    np.random.seed(1), random.seed(1), torch.manual_seed(1)
    assert np.array_equal(transformed(CROP), first)
    assert (np.random.random(), random.random(), torch.rand(1)) == expected


def test_a_transform_sees_the_colours_as_mmcv_loads_them():
    class KeepRed(BaseTransform):
        def transform(self, results):
            results['img'][..., :2] = 0  # blue and green
            return results

    images = pair()
    done = transformed(dict(type=KeepRed), images=images.copy())
    assert np.array_equal(done[..., 0], images[..., 0]) and not done[..., 1:].any()


def test_several_transforms_follow_each_other():
    done = transformed(
        [dict(type='mmcv.Resize', scale=(12, 10)),
         dict(type='mmcv.CenterCrop', crop_size=(8, 6))])
    assert done.shape == (2, 3, 6, 8, 3)


def test_what_cannot_stay_an_image_is_refused_by_name():
    with pytest.raises(ValueError,
                       match=r'Normalize in OnEveryImage gave float32 \(20, 24, 3\).*data_preprocessor'):
        transformed(dict(type='mmcv.Normalize', mean=[0.] * 3, std=[1.] * 3))
    with pytest.raises(ValueError, match='PairedResize before it'):
        transformed(CROP, images=list(pair()[0]))
    with pytest.raises(ValueError, match='at least one transform'):
        OnEveryImage([])
