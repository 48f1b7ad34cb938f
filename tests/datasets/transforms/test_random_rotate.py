"""Paired rotation."""

import numpy as np
import pytest
import torchvision.transforms.functional as functional

from mmchangenet.datasets.transforms import PairedRandomRotate

ANGLES = (0, 90, 180, 270, 45, 10.5, 33.3, 359, 120)


@pytest.mark.parametrize('angle', ANGLES)
@pytest.mark.parametrize('width', [48, 31])
def test_it_equals_torchvision_on_pillow_images(pair, by_pillow, angle, width):
    images = np.ascontiguousarray(pair[:, :, :, :width])
    rotated = PairedRandomRotate().apply(images, angle)
    assert np.array_equal(rotated, by_pillow(lambda image: functional.rotate(image, angle), images))


def test_a_quarter_turn_goes_counter_clockwise(pair):
    assert np.array_equal(PairedRandomRotate().apply(pair, 90), np.rot90(pair, axes=(2, 3)))


def test_every_angle_is_drawn_as_often_as_the_others():
    rotate = PairedRandomRotate(prob=0.5, angles=(90, 180, -90))
    rng = np.random.default_rng(0)
    drawn = [rotate.draw(rng, (8, 8)) for _ in range(6000)]
    assert drawn.count(None) / 6000 == pytest.approx(0.5, abs=0.03)
    for angle in (90, 180, 270):
        assert drawn.count((angle, )) / 6000 == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize('arguments, message', [
    ({'prob': -0.1}, 'prob of PairedRandomRotate=-0.1 is not a probability'),
    ({'angles': ()}, r'angles=\(\) of PairedRandomRotate must be one angle or more'),
    ({'angles': (float('nan'), )}, 'angles=.* of PairedRandomRotate'),
])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PairedRandomRotate(**arguments)
