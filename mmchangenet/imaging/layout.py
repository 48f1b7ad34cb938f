"""The lightings of one side in one image."""

import numpy as np

from .resize import check_pair

LAYOUTS = ('linear', 'grid')


def lay_out(images, layout='linear', grid=None):
    """Lay out the lightings of a side, or of several, in one image each.

    Args:
        images (np.ndarray): (..., L, h, w, 3), L lightings in the order of the dataset's ``input_map``.
        layout (str): ``'linear'``: from top to bottom; ``'grid'``: row by row.
        grid (tuple[int, int], optional): (rows, columns) of the grid.

    Returns:
        np.ndarray: (..., L * h, w, 3) or (..., rows * h, columns * w, 3).

    Raises:
        ValueError: the layout is unknown, or the grid has not one place a lighting.
    """
    grid = check_layout(layout, grid)
    *others, lightings, h, w, channels = images.shape
    if layout == 'linear':
        return images.reshape(*others, lightings * h, w, channels)
    rows, columns = grid
    if rows * columns != lightings:
        raise ValueError(f'grid={grid} has {rows * columns} places, but a side has {lightings} lightings; '
                         'choose rows and columns whose product is that number')
    images = images.reshape(*others, rows, columns, h, w, channels)
    return np.swapaxes(images, -4, -3).reshape(*others, rows * h, columns * w, channels)


def check_layout(layout, grid):
    """Check a layout and its grid.

    Args:
        layout (str): one of ``LAYOUTS``.
        grid (Sequence[int], optional): (rows, columns); ``'grid'`` needs it, ``'linear'`` has none.

    Returns:
        tuple[int, int] | None: the grid.

    Raises:
        ValueError: the layout is unknown, or the grid does not go with it.
    """
    if layout not in LAYOUTS:
        raise ValueError(f'layout={layout!r} is unknown, use one of {LAYOUTS}')
    if layout == 'linear':
        if grid is not None:
            raise ValueError(f"grid={grid!r} has no effect with layout='linear', leave it out or use layout='grid'")
        return None
    return check_pair(grid, 'grid', '(rows, columns)')
