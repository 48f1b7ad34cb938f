"""The picture of a pair shows every lighting of both sides and where they differ."""

import numpy as np
import pytest

from mmchangenet.visualization import draw_pair
from mmchangenet.visualization.pair_picture import UNREADABLE, difference_maps


def grey(height, width, value=100):
    return np.full((height, width, 3), value, np.uint8)


def test_the_difference_is_black_where_sides_agree_and_bright_where_they_differ():
    compare = grey(20, 20)
    compare[5:8, 5:8] = 200
    (change, ), full_scale = difference_maps([compare], [grey(20, 20)])
    assert full_scale == 100
    brightness = change.astype(int).sum(axis=2)
    assert (brightness[5:8, 5:8] > 500).all() and brightness[0, 0] < 10 and brightness[12, 12] < 10


def test_weak_differences_stay_dark_instead_of_being_blown_up():
    (change, ), full_scale = difference_maps([grey(20, 20, 103)], [grey(20, 20, 100)])
    assert full_scale == 48 and change.astype(int).sum(axis=2).max() < 100


def test_all_lightings_share_one_scale():
    (weak, strong), _ = difference_maps([grey(9, 9, 110), grey(9, 9, 220)], [grey(9, 9), grey(9, 9)])
    assert weak.astype(int).sum() < strong.astype(int).sum() / 3


@pytest.mark.parametrize('compare_size', [(30, 20), (10, 40), (20, 20)])
def test_sides_of_different_size_are_compared_at_the_goldens(compare_size):
    (change, ), _ = difference_maps([grey(*compare_size)], [grey(20, 20)])
    assert change.shape == (20, 20, 3)


@pytest.mark.parametrize('lights', [[''], ['LowAngleLight', 'SolderLight', 'UniformLight', 'WhiteLight'], ['1'] * 16])
def test_the_picture_grows_with_the_lightings(lights):
    picture = draw_pair([grey(64, 64)] * len(lights), [grey(64, 64)] * len(lights), lights, 'missing',
                        ['a', 'b'])
    assert picture.dtype == np.uint8 and picture.shape[1] >= len(lights) * 192 and picture.shape[0] >= 3 * 192


@pytest.mark.parametrize('shape', [(1, 1), (3, 500), (2000, 1500), (128, 128)])
def test_images_of_any_size_are_drawn_at_about_the_same_size(shape):
    height, width, _ = draw_pair([grey(*shape)], [grey(*shape)], [''], 'missing').shape
    assert height < 900 and width < 900


def test_small_images_are_enlarged_without_smoothing():
    checker = np.kron(np.indices((8, 8)).sum(0) % 2 * 255, np.ones(
        (1, 1), int)).astype(np.uint8)[..., None].repeat(3, axis=2)
    picture = draw_pair([checker], [checker], [''], 'missing')
    tile = picture[60:200, 130:300]
    assert set(np.unique(tile)) <= {0, 255}


def test_an_unreadable_image_is_a_grey_tile_and_the_others_are_still_shown():
    picture = draw_pair(
        ['unreadable: a very long reason ' * 30, grey(50, 50, 37)], [grey(50, 50, 37)] * 2, ['a', 'b'],
        'missing')
    shown = {tuple(colour) for colour in picture.reshape(-1, 3)}
    assert UNREADABLE in shown and (37, 37, 37) in shown


def test_nothing_readable_still_gives_a_picture():
    assert draw_pair(['gone'], ['gone'], [''], 'missing').shape[2] == 3


def test_long_and_foreign_names_fit_into_the_picture():
    picture = draw_pair([grey(64, 64)], [grey(64, 64)], ['光' * 300], 'größer als ' * 100, ['x' * 3000])
    assert picture.shape[1] == 640
