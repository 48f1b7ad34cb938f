"""Paired colour jitter."""

import numpy as np
import pytest
import torchvision.transforms.functional as functional

from mmchangenet.datasets.transforms import PairedColorJitter
from mmchangenet.datasets.transforms.color_jitter import adjust_hue

FACTORS = (0, 0.7, 0.93, 1, 1.13, 1.3, 2.5)
SHIFTS = (-0.5, -0.3, -0.11, 0.001, 0.07, 0.3, 0.5)


def by_torchvision(image, factors):
    for name, factor in factors:
        image = getattr(functional, f'adjust_{name}')(image, factor)
    return image


@pytest.fixture
def difference(pair, by_pillow):
    """Compares a jitter with torchvision's on Pillow images, grey ones among them: absolute differences."""
    pair[1, 3] = pair[1, 3, ..., :1]

    def compare(*factors):
        wanted = by_pillow(lambda image: by_torchvision(image, factors))
        return np.abs(PairedColorJitter().apply(pair, factors) - wanted)

    return compare


@pytest.mark.parametrize('factor', FACTORS)
@pytest.mark.parametrize('name', ['brightness', 'contrast'])
def test_brightness_and_contrast_equal_torchvision(difference, name, factor):
    assert difference((name, factor)).max() == 0


@pytest.mark.parametrize('factor', FACTORS)
def test_saturation_differs_by_one_grey_level_in_a_few_pixels(difference, factor):
    off = difference(('saturation', factor))
    assert off.max() <= (1 if factor < 2 else 2) and (off > 0).mean() < 0.002


@pytest.mark.parametrize('shift', SHIFTS)
def test_hue_equals_torchvision(difference, shift):
    assert difference(('hue', shift)).max() == 0


def test_no_shift_of_hue_spares_the_way_through_8_bit_hsv(pair):
    """As in torchvision's ColorJitter, where hue=0 turns it off."""
    assert np.array_equal(PairedColorJitter().apply(pair, [('hue', 0)]), pair)


@pytest.mark.parametrize('shift', [0.13, -0.27])
def test_hue_equals_torchvision_for_all_colours(shift, by_pillow):
    """All values of red, every fifth of green and blue."""
    values = np.meshgrid(np.arange(256), np.arange(0, 256, 5), np.arange(0, 256, 5), indexing='ij')
    colours = np.stack(values, -1).astype(np.uint8).reshape(1, 1, 256, -1, 3)
    expected = by_pillow(lambda image: functional.adjust_hue(image, shift), colours)
    assert np.array_equal(adjust_hue(colours[0, 0], shift), expected[0, 0])


@pytest.mark.parametrize('seed', range(6))
def test_all_in_a_drawn_order_stay_close_to_torchvision(difference, seed):
    (factors, ), *_ = [PairedColorJitter(prob=1).draw(np.random.default_rng(seed), (48, 48))]
    off = difference(*factors)
    assert (off > 1).mean() < 0.002 and off.mean() < 0.01


def test_contrast_spreads_each_image_about_its_own_grey(pair):
    pair[0, 0], pair[1, 1] = 50, 200
    flat = PairedColorJitter().apply(pair, [('contrast', 1.3)])
    assert (flat[0, 0] == 50).all() and (flat[1, 1] == 200).all()


def test_factors_order_and_probability_are_drawn_as_described():
    jitter = PairedColorJitter(brightness=0.2, contrast=0.3, saturation=1.5, hue=0.1, prob=0.4)
    rng = np.random.default_rng(0)
    drawn = [jitter.draw(rng, (8, 8)) for _ in range(3000)]
    assert drawn.count(None) / 3000 == pytest.approx(0.6, abs=0.03)
    drawn = [factors for factors, in filter(None, drawn)]
    assert len({tuple(name for name, _ in factors) for factors in drawn}) == 24
    for name, low, high in (('brightness', 0.8, 1.2), ('contrast', 0.7, 1.3), ('saturation', 0, 2.5),
                            ('hue', -0.1, 0.1)):
        values = [dict(factors)[name] for factors in drawn]
        near = 0.02 * (high - low)
        assert low <= min(values) < low + near and high - near < max(values) <= high


@pytest.mark.parametrize('arguments, message', [
    ({'brightness': -0.1}, 'brightness=-0.1 of PairedColorJitter must be from 0'),
    ({'hue': 0.6}, 'hue=0.6 of PairedColorJitter must be from 0 to 0.5'),
    ({'prob': 2}, 'prob of PairedColorJitter=2 is not a probability'),
])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PairedColorJitter(**arguments)
