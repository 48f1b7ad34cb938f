"""Paired Gaussian blur."""

import numpy as np
import pytest
from PIL import ImageFilter

from mmchangenet.datasets.transforms import PairedGaussianBlur


@pytest.mark.parametrize('radius', [0.05, 0.2, 0.5, 0.8, 0.999, 1.3])
def test_it_is_pillows_blur_within_three_grey_levels_and_less_than_one_on_average(pair, by_pillow, radius):
    blurred = PairedGaussianBlur(1.4).apply(pair, radius)
    difference = np.abs(blurred - by_pillow(lambda image: image.filter(ImageFilter.GaussianBlur(radius))))
    assert difference.max() <= 3
    assert difference.mean() < 0.9


def test_on_noise_it_is_no_further_off(by_pillow):
    noise = np.random.default_rng(0).integers(0, 256, (2, 1, 40, 40, 3), dtype=np.uint8)
    for radius in (0.3, 0.7, 0.95):
        blurred = PairedGaussianBlur().apply(noise, radius)
        expected = by_pillow(lambda image, radius=radius: image.filter(ImageFilter.GaussianBlur(radius)),
                             noise)
        assert np.abs(blurred - expected).max() <= 3


def test_radius_0_changes_nothing(pair):
    assert np.array_equal(PairedGaussianBlur().apply(pair, 0), pair)


def test_the_radius_is_drawn_below_the_greatest():
    blur = PairedGaussianBlur(max_radius=0.5)
    rng = np.random.default_rng(0)
    radii = [blur.draw(rng, (8, 8))[0] for _ in range(1000)]
    assert 0 <= min(radii) < 0.01 and 0.49 < max(radii) < 0.5


@pytest.mark.parametrize('max_radius', [0, -1, 2])
def test_a_wrong_radius_is_named(max_radius):
    with pytest.raises(ValueError, match=f'max_radius={max_radius} of PairedGaussianBlur must be above 0 and '
                                         'at most 1.4'):
        PairedGaussianBlur(max_radius)
