"""Resizing: Pillow's bytes without Pillow, for any size."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mmchangenet.imaging import FILTERS, resize
from mmchangenet.imaging.resize import _make_plan

PILLOW = {'pillow-bilinear': Image.Resampling.BILINEAR, 'pillow-bicubic': Image.Resampling.BICUBIC}


def like_reference(images, size, filter):
    """Along the rows first: from version 13 on, Pillow turns the order round for some sizes."""
    height, width = size
    expected = []
    for image in images:
        image = Image.fromarray(image)
        expected.append(
            np.asarray(
                image.resize((width, image.height), PILLOW[filter]).resize((width, height), PILLOW[filter])))
    return np.stack(expected)


def noise(rng, n, h, w, black_and_white=False):
    images = rng.integers(0, 256, (n, h, w, 3), dtype=np.uint8)
    return (images > 127).astype(np.uint8) * 255 if black_and_white else images


@pytest.mark.parametrize('filter', PILLOW)
@pytest.mark.parametrize('seed', range(8))
def test_random_sizes_give_the_bytes_of_pillow(filter, seed):
    rng = np.random.default_rng(seed)
    for index in range(25):
        h, w, height, width = (int(side) for side in rng.integers(1, 8 if index % 5 == 0 else 200, 4))
        images = noise(rng, int(rng.integers(1, 3)), h, w, black_and_white=index % 3 == 0)
        assert np.array_equal(resize(images, (height, width), filter), like_reference(images, (height, width), filter)), \
            f'{(h, w)} -> {(height, width)}'


@pytest.mark.parametrize('filter', PILLOW)
@pytest.mark.parametrize('n_in, n_out', [(160, 128), (128, 160), (100, 128), (256, 128), (512, 128), (150, 128), (151, 128),
                                         (200, 224), (117, 128), (640, 224), (1000, 32), (1, 64), (64, 1), (3, 2)])
def test_common_sizes_give_the_bytes_of_pillow(filter, n_in, n_out):
    images = noise(np.random.default_rng(0), 1, n_in, n_in)
    expected = np.asarray(Image.fromarray(images[0]).resize((n_out, n_out), PILLOW[filter]))
    assert np.array_equal(resize(images, (n_out, n_out), filter)[0], expected)


@pytest.mark.parametrize('filter', PILLOW)
@pytest.mark.parametrize('n_in, n_out', [(160, 128), (192, 128), (256, 128), (512, 128), (640, 128), (96, 128)])
def test_sums_on_the_boundary_of_two_grey_levels_go_pillows_way(filter, n_in, n_out):
    """Two grey levels a picture: few values, so that many sums hit the boundary exactly."""
    rng = np.random.default_rng(0)
    images = np.stack([rng.choice(rng.integers(0, 256, 2), (8, n_in, 3)).astype(np.uint8) for _ in range(60)])
    assert np.array_equal(resize(images, (8, n_out), filter), like_reference(images, (8, n_out), filter))


def test_both_kinds_of_products_are_tested():
    kinds = {
        bool(_make_plan(n_in, n_out, filter).nudge)
        for filter in PILLOW
        for n_in, n_out in [(160, 128), (151, 128)]
    }
    assert kinds == {True, False}
    assert _make_plan(160, 128, 'pillow-bicubic').by_integers


@pytest.mark.parametrize('filter', FILTERS)
def test_a_batch_equals_its_images(filter):
    images = noise(np.random.default_rng(0), 6, 30, 45).reshape(2, 3, 30, 45, 3)
    resized = resize(images, (20, 24), filter)
    assert resized.shape == (2, 3, 20, 24, 3) and resized.flags.c_contiguous
    assert np.array_equal(resized[1, 2], resize(images[1, 2], (20, 24), filter))
    assert np.array_equal(resized.reshape(6, 20, 24, 3),
                          resize(list(images.reshape(6, 30, 45, 3)), (20, 24), filter))


@pytest.mark.parametrize('filter', FILTERS)
def test_a_window_of_images_is_resized_and_left_alone(filter):
    images = noise(np.random.default_rng(0), 2, 30, 45)
    window, before = images[:, 3:20, 5:40], images.copy()
    assert np.array_equal(resize(window, (20, 24), filter), resize(window.copy(), (20, 24), filter))
    assert np.array_equal(resize(window, (17, 24), filter), resize(window.copy(), (17, 24), filter))
    assert np.array_equal(images, before)


def test_images_of_the_wanted_size_are_not_copied():
    images = noise(np.random.default_rng(0), 2, 30, 45)
    assert resize(images, (30, 45), 'pillow-bicubic') is images


def test_area_is_opencvs():
    image = noise(np.random.default_rng(0), 1, 40, 50)[0]
    assert np.array_equal(resize(image, (17, 19), 'area'),
                          cv2.resize(image, (19, 17), interpolation=cv2.INTER_AREA))
    assert np.array_equal(resize(image, (60, 70), 'area'),
                          cv2.resize(image, (70, 60), interpolation=cv2.INTER_LINEAR))


@pytest.mark.parametrize('size', [(128, 128), (96, 100), (64, 64), (50, 41), (30, 160)])
def test_fast_comes_close_to_pillows_bilinear_when_shrinking(size):
    smooth = cv2.GaussianBlur(noise(np.random.default_rng(0), 1, 160, 160)[0], (0, 0), 1.5)
    difference = np.abs(resize(smooth, size, 'fast').astype(int) - resize(smooth, size, 'pillow-bilinear'))
    assert difference.mean() < 1.5
    assert difference.max() <= 12


def test_fast_does_not_alias():
    stripes = np.zeros((160, 160, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than half the size can show: grey, not coarse stripes
    plain = cv2.resize(stripes, (71, 71), interpolation=cv2.INTER_LINEAR)
    assert np.ptp(plain) > 200
    assert np.ptp(resize(stripes, (71, 71), 'fast')[:, 2:-2]) < 30


def test_fast_is_bilinear_when_growing():
    image = noise(np.random.default_rng(0), 1, 40, 50)[0]
    assert np.array_equal(resize(image, (60, 70), 'fast'),
                          cv2.resize(image, (70, 60), interpolation=cv2.INTER_LINEAR))


@pytest.mark.parametrize('size', [(0, 5), (5, ), 5, None, (2.5, 3), ('a', 'b'), (-1, 4)])
def test_a_wrong_size_is_named(size):
    with pytest.raises(ValueError, match='size=.*two whole numbers above 0'):
        resize(np.zeros((4, 4, 3), np.uint8), size)


def test_a_wrong_filter_is_named():
    with pytest.raises(ValueError, match="filter='lanczos' is unknown, use one of .*pillow-bilinear"):
        resize(np.zeros((4, 4, 3), np.uint8), (2, 2), 'lanczos')


@pytest.mark.parametrize('images', [
    np.zeros((4, 4), np.uint8),
    np.zeros((4, 4, 3)),
    np.zeros((4, 4, 4), np.uint8),
    np.zeros((0, 4, 4, 3), np.uint8),
    np.zeros((2, 0, 4, 3), np.uint8),
    [],
    [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)],
])
def test_wrong_images_are_named(images):
    with pytest.raises(ValueError, match=r'images must be uint8 \(h, w, 3\)'):
        resize(images, (2, 2))
