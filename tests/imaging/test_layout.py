"""Laying out the lightings of a side."""

import numpy as np
import pytest

from mmchangenet.imaging import lay_out


@pytest.fixture
def lightings():
    """Both sides, six lightings of 2 x 3 pixels, each of one value."""
    return np.broadcast_to(np.arange(12, dtype=np.uint8).reshape(2, 6, 1, 1, 1), (2, 6, 2, 3, 3))


def test_linear_goes_from_top_to_bottom(lightings):
    laid_out = lay_out(lightings)
    assert laid_out.shape == (2, 12, 3, 3)
    assert laid_out[:, ::2, 0, 0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_a_grid_goes_row_by_row(lightings):
    laid_out = lay_out(lightings, 'grid', (2, 3))
    assert laid_out.shape == (2, 4, 9, 3)
    assert laid_out[0, ::2, ::3, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.array_equal(laid_out[1, :2, 3:6], lightings[1, 1])


def test_one_side_alone_is_laid_out_too(lightings):
    assert lay_out(lightings[0], 'grid', (3, 2)).shape == (6, 6, 3)


def test_a_grid_that_does_not_fit_is_an_error_with_both_numbers(lightings):
    with pytest.raises(ValueError, match=r'grid=\(2, 2\) has 4 places, but a side has 6 lightings'):
        lay_out(lightings, 'grid', (2, 2))


@pytest.mark.parametrize('arguments, message', [
    (('columns', None), "layout='columns' is unknown, use one of"),
    (('grid', None), r'grid=None must be \(rows, columns\)'),
    (('grid', (0, 4)), r'grid=\(0, 4\) must be'),
    (('linear', (2, 3)), "no effect with layout='linear'"),
])
def test_wrong_arguments_are_named(lightings, arguments, message):
    with pytest.raises(ValueError, match=message):
        lay_out(lightings, *arguments)
