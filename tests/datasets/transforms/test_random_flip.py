"""Paired flips."""

import numpy as np
import pytest

from mmchangenet.datasets.transforms import PairedRandomFlip


@pytest.mark.parametrize('horizontal, vertical', [(False, False), (True, False), (False, True), (True, True)])
def test_images_are_mirrored(picture, horizontal, vertical):
    images = np.stack([picture(seed=seed) for seed in range(4)]).reshape(2, 2, 40, 56, 3)
    flipped = PairedRandomFlip().apply(images, horizontal, vertical)
    assert np.array_equal(flipped, images[:, :, ::-1 if vertical else 1, ::-1 if horizontal else 1])


def test_each_direction_has_its_own_probability():
    flip = PairedRandomFlip(horizontal=0.8, vertical=0.1)
    rng = np.random.default_rng(0)
    horizontal, vertical = np.mean([flip.draw(rng, (8, 8)) for _ in range(4000)], axis=0)
    assert horizontal == pytest.approx(0.8, abs=0.03)
    assert vertical == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize('probability', [0, 1])
def test_certain_probabilities_are_certain(probability):
    rng = np.random.default_rng(0)
    flip = PairedRandomFlip(probability, probability)
    assert all(flip.draw(rng, (8, 8)) == (probability, probability) for _ in range(200))


def test_a_wrong_probability_is_named():
    with pytest.raises(ValueError, match='vertical of PairedRandomFlip=1.5 is not a probability'):
        PairedRandomFlip(vertical=1.5)
