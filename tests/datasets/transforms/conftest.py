"""Pictures and samples for the tests of the transforms."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture():
    """A function that makes an RGB picture with smooth areas, edges and noise, uint8 (h, w, 3)."""

    def make(h=40, w=56, seed=0):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:h, :w]
        waves = 110 + 60 * np.sin(np.stack([x / 7, y / 9, (x + y) / 5], -1) + seed)
        waves[h // 4:h // 2, w // 3:w // 2] = rng.uniform(0, 255, 3)
        return np.clip(waves + rng.normal(0, 6, waves.shape), 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def pair(picture):
    """Four lightings of both sides, uint8 (2, 4, 48, 48, 3)."""
    return np.stack([picture(48, 48, seed) for seed in range(8)]).reshape(2, 4, 48, 48, 3)


@pytest.fixture
def by_pillow(pair):
    """A function that gives ``pair`` after a function of Pillow images was called on every image, as int64."""

    def apply(function, images=pair):
        done = [np.asarray(function(Image.fromarray(image))) for image in images.reshape(-1, *images.shape[2:])]
        return np.stack(done).reshape(*images.shape[:2], *done[0].shape).astype(int)

    return apply
