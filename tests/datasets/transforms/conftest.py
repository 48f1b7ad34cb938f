"""Lightings for the tests of the transforms."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pair(picture):
    """Four lightings of both sides, uint8 (2, 4, 48, 48, 3)."""
    return np.stack([picture(48, 48, seed) for seed in range(8)]).reshape(2, 4, 48, 48, 3)


@pytest.fixture
def by_pillow(pair):
    """A function that gives ``pair`` after a function of Pillow images was called on each, as int64."""

    def apply(function, images=pair):
        done = [np.asarray(function(Image.fromarray(image)))
                for image in images.reshape(-1, *images.shape[2:])]
        return np.stack(done).reshape(*images.shape[:2], *done[0].shape).astype(int)

    return apply
