"""Paired random resized crop."""

import numpy as np
import pytest
import torchvision.transforms.functional as functional

from mmchangenet.datasets.transforms import PairedRandomResizedCrop


def window(image, top, left, side):
    return functional.resized_crop(image, top, left, side, side, image.size[::-1])


@pytest.mark.parametrize('drawn', [(3, 5, 43), (0, 0, 44), (5, 1, 43), (0, 0, 48)])
def test_the_reference_filter_equals_torchvision_on_pillow_images(pair, by_pillow, drawn):
    cropped = PairedRandomResizedCrop(filter='pillow-bilinear').apply(pair, *drawn)
    assert np.array_equal(cropped, by_pillow(lambda image: window(image, *drawn)))


@pytest.mark.parametrize('drawn', [(3, 5, 43), (0, 0, 44), (5, 1, 43), (0, 0, 48)])
def test_the_default_is_within_one_grey_level_of_it(pair, by_pillow, drawn):
    cropped = PairedRandomResizedCrop().apply(pair, *drawn)
    assert np.abs(cropped - by_pillow(lambda image: window(image, *drawn))).max() <= 1


@pytest.mark.parametrize('size', [(64, 64), (64, 100), (100, 64), (100, 90)])
def test_squares_lie_in_the_image_and_have_the_drawn_area(size):
    h, w = size
    crop = PairedRandomResizedCrop(scale=(0.8, 1.2))
    rng = np.random.default_rng(0)
    sides = set()
    for _ in range(300):
        top, left, side = crop.draw(rng, size)
        assert 0 <= top <= h - side and 0 <= left <= w - side
        assert side == min(h, w) or 0.79 < side**2 / (h * w) < 1.01
        sides.add(side)
    assert len(sides) > 3 or size in ((64, 100), (100, 64))


def test_when_no_square_fits_it_takes_the_middle():
    assert PairedRandomResizedCrop(scale=(0.8, 1.2)).draw(np.random.default_rng(0), (40, 100)) == (0, 30, 40)
    assert PairedRandomResizedCrop(scale=(0.8, 1.2)).draw(np.random.default_rng(0), (101, 40)) == (30, 0, 40)


@pytest.mark.parametrize('arguments, message', [
    ({'scale': (0, 1)}, r'scale=\(0, 1\) of PairedRandomResizedCrop must be'),
    ({'scale': (1.1, 1.2)}, 'low <= 1'),
    ({'scale': (0.9, 0.8)}, r'scale=\(0.9, 0.8\)'),
    ({'filter': 'cubic'}, "filter='cubic' of PairedRandomResizedCrop is unknown"),
])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PairedRandomResizedCrop(**arguments)
