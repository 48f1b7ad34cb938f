"""Bringing the lightings of both sides to one size."""

import numpy as np
import pytest
from PIL import Image

from mmchangenet.datasets.transforms import PairedResize
from mmchangenet.registry import TRANSFORMS

PILLOW = {'pillow-bilinear': Image.Resampling.BILINEAR, 'pillow-bicubic': Image.Resampling.BICUBIC}


@pytest.mark.parametrize('filter', PILLOW)
def test_every_image_is_resized_from_its_own_size(picture, filter):
    images = [picture(50, 50), picture(40, 60, 1), picture(50, 50, 2), picture(21, 33, 3), picture(30, 24, 4),
              picture(40, 60, 5)]
    resized = TRANSFORMS.build({'type': 'PairedResize', 'size': (30, 24),
                                'filter': filter})({'images': images})['images']
    assert resized.shape == (2, 3, 30, 24, 3) and resized.dtype == np.uint8
    for image, result in zip(images, resized.reshape(6, 30, 24, 3), strict=True):
        assert np.array_equal(result, Image.fromarray(image).resize((24, 30), PILLOW[filter]))


def test_images_of_the_wanted_size_stay_as_they_are(picture):
    images = [picture(seed=seed) for seed in range(4)]
    resized = PairedResize((40, 56))({'images': images})['images']
    assert np.array_equal(resized.reshape(4, 40, 56, 3), images)


def test_a_blank_sample_gets_the_wanted_size():
    resized = PairedResize((40, 56))({'images': [np.zeros((1, 1, 3), np.uint8)] * 4})['images']
    assert resized.shape == (2, 2, 40, 56, 3) and not resized.any()


@pytest.mark.parametrize('arguments, message', [
    (((0, 4), ), r'size of PairedResize=\(0, 4\) must be \(height, width\)'),
    ((128, ), 'size of PairedResize=128 must be'),
    (((8, 8), 'nearest'), "filter='nearest' of PairedResize is unknown, use one of"),
])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PairedResize(*arguments)
