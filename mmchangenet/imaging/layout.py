"""The lightings of one side in one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .resize import check_pair

LAYOUTS = ('linear', 'grid')


def lay_out(images: np.ndarray[Any, Any], layout: str = 'linear',
            grid: tuple[int, int] | None = None) -> np.ndarray[Any, Any]:
    """Lay out the lightings of a side, or of several, in one image each.

    Args:
        images: (..., L, h, w, 3), L lightings in the order of the dataset's ``input_map``.
        layout: ``'linear'``: from top to bottom; ``'grid'``: row by row.
        grid: (rows, columns) of the grid.

    Returns:
        (..., L * h, w, 3) or (..., rows * h, columns * w, 3).

    Raises:
        ValueError: the layout is unknown, or the grid has not one place a lighting.
    """
    grid = check_layout(layout, grid)
    *others, lightings, h, w, channels = images.shape
    if layout == 'linear':
        return images.reshape(*others, lightings * h, w, channels)
    rows, columns = grid or (0, 0)
    if rows * columns != lightings:
        raise ValueError(f'grid={grid} has {rows * columns} places, but a side has {lightings} lightings; '
                         'choose rows and columns whose product is that number')
    images = images.reshape(*others, rows, columns, h, w, channels)
    return np.swapaxes(images, -4, -3).reshape(*others, rows * h, columns * w, channels)


def check_layout(layout: str, grid: Sequence[int] | None) -> tuple[int, int] | None:
    """Check a layout and its grid.

    Args:
        layout: one of ``LAYOUTS``.
        grid: (rows, columns); ``'grid'`` needs it, ``'linear'`` has none.

    Returns:
        the grid.

    Raises:
        ValueError: the layout is unknown, or the grid does not go with it.
    """
    if layout not in LAYOUTS:
        raise ValueError(f'layout={layout!r} is unknown, use one of {LAYOUTS}')
    if layout == 'linear':
        if grid is not None:
            raise ValueError(
                f"grid={grid!r} has no effect with layout='linear', leave it out or use layout='grid'")
        return None
    return check_pair(grid, 'grid', '(rows, columns)')
