"""One draw serves all lightings of both sides, and a seed decides it."""

import numpy as np
import pytest

from mmchangenet.datasets.transforms import PairedAugmentation
from mmchangenet.registry import TRANSFORMS

AUGMENTATIONS = {
    'PairedRandomFlip': {},
    'PairedRandomRotate': {'prob': 1, 'angles': (90, 180, 17.5)},
    'PairedRandomResizedCrop': {},
    'PairedGaussianBlur': {},
    'PairedColorJitter': {'prob': 1},
}


@pytest.fixture(params=AUGMENTATIONS)
def augmentation(request):
    return TRANSFORMS.build({'type': request.param, **AUGMENTATIONS[request.param]})


def augment(augmentation, images, seed=None):
    rng = {} if seed is None else {'rng': np.random.default_rng(seed)}
    return augmentation({'images': images.copy(), **rng})['images']


def test_equal_pictures_stay_equal(augmentation, picture):
    images = np.broadcast_to(picture(48, 48), (2, 4, 48, 48, 3))
    for seed in range(20):
        augmented = augment(augmentation, images, seed)
        assert augmented.shape == images.shape and augmented.dtype == np.uint8
        assert (augmented == augmented[:1, :1]).all()


def test_a_seed_gives_the_same_bytes_and_another_seed_others(augmentation, pair):
    several = [augment(augmentation, pair, seed) for seed in range(12)]
    for seed, expected in enumerate(several):
        assert np.array_equal(augment(augmentation, pair, seed), expected)
    assert len({images.tobytes() for images in several}) > 1


def test_an_image_is_augmented_as_it_would_be_alone(augmentation, pair):
    for seed in range(8):
        together = augment(augmentation, pair, seed)
        assert np.array_equal(augment(augmentation, pair[1:, 2:3], seed)[0, 0], together[1, 2])


def test_without_a_generator_it_draws_all_the_same(augmentation, pair):
    assert augment(augmentation, pair).shape == pair.shape


def test_the_images_that_came_in_stay_as_they_were(augmentation, pair):
    before = pair.copy()
    for seed in range(8):
        augmentation({'images': pair, 'rng': np.random.default_rng(seed)})
    assert np.array_equal(pair, before)


def test_drawn_images_serve_the_next_augmentation(augmentation, pair):
    """Whatever views an augmentation returns, the others take them."""
    for name, arguments in AUGMENTATIONS.items():
        after = TRANSFORMS.build({'type': name, **arguments})
        for seed in range(4):
            rng = np.random.default_rng(seed)
            images = after(augmentation({'images': pair, 'rng': rng}))['images']
            rng = np.random.default_rng(seed)
            copied = augmentation({'images': pair, 'rng': rng})['images'].copy()
            assert np.array_equal(images, after({'images': copied, 'rng': rng})['images'])


def test_one_may_be_written_for_oneself(pair):

    class Invert(PairedAugmentation):

        def draw(self, rng, size):
            return () if rng.random() < 0.5 else None

        def apply(self, images):
            return 255 - images

    results = {augment(Invert(), pair, seed).tobytes() for seed in range(8)}
    assert results == {pair.tobytes(), (255 - pair).tobytes()}
