"""What all tests share."""

import numpy as np
import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def our_scope():
    """Components are looked up in our scope, whichever one a test before switched to."""
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        yield


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
