"""Antialiased resizing with numpy and OpenCV alone; two filters give Pillow's very bytes.

Pillow resizes in two passes, first along the rows, then along the columns, and rounds to 8 bits after each. A pixel is the
sum of a few pixels times 22-bit integers k ("taps"), rounded: ``(sum(k * p) + 2**21) >> 22``. Here a pass is a product of
float32 matrices over overlapping bands of the image, the quickest way numpy has, and exact all the same:

- Without rounding, the weights are fractions a/S with a small denominator for many pairs of sizes. Then the sums keep so far
  from the boundary between two grey levels that float32 cannot take the wrong side. On the boundary itself (S even) the rounding
  errors of k decide: they are added to the weights, enlarged until float32 sees them. One product will do.
- Otherwise k is split into a high and a low half, whose products float32 holds without error. Two products.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

FILTERS = ('pillow-bilinear', 'pillow-bicubic', 'area')

SUPPORT = {'pillow-bilinear': 1, 'pillow-bicubic': 2}  # half widths of the kernels, in pixels
ONE = 1 << 22  # Pillow's fixed-point 1
LOW = 1 << 10  # what the low half of a tap counts to
ROUNDOFF = 2.**-24  # relative error of a float32 operation
COLUMNS = 992  # columns a product takes: its matrices stay in a second-level cache (and not 1024, whose rows share cache lines)
BAND_SIZE = 256  # with COLUMNS, the largest product for which OpenBLAS starts no threads


def resize(images, size, filter='pillow-bilinear'):
    """Resize images of one size to another.

    The Pillow filters go along the rows first, as Pillow does up to version 12 (version 13 turns the order round for some
    sizes that squeeze the height more than the width).

    Args:
        images (np.ndarray): uint8, (..., h, w, 3).
        size (tuple[int, int]): (height, width) wanted, in pixels.
        filter (str): ``'pillow-bilinear'`` and ``'pillow-bicubic'`` equal Pillow's antialiased filters of these names byte
            for byte; ``'area'`` is OpenCV's INTER_AREA when shrinking, INTER_LINEAR when a side grows.

    Returns:
        np.ndarray: uint8, (..., height, width, 3); ``images`` itself when they have that size already.

    Raises:
        ValueError: images, size or filter are not as described.
    """
    height, width = size = check_pair(size, 'size', '(height, width)')
    if filter not in FILTERS:
        raise ValueError(f'filter={filter!r} is unknown, use one of {FILTERS}')
    if images.dtype != np.uint8 or images.ndim < 3 or images.shape[-1] != 3 or not images.size:
        raise ValueError(f'images must be uint8 of shape (..., h, w, 3) and not empty, got {images.dtype} {images.shape}')
    h, w = images.shape[-3:-1]
    if (h, w) == size:
        return images
    batch = np.ascontiguousarray(images).reshape(-1, h, w, 3)
    n = len(batch)
    if filter == 'area':
        method = cv2.INTER_AREA if height <= h and width <= w else cv2.INTER_LINEAR
        resized = np.empty((n, height, width, 3), np.uint8)
        for source, target in zip(batch, resized, strict=True):
            cv2.resize(source, (width, height), dst=target, interpolation=method)
    else:
        if w != width:
            columns = cv2.transpose(batch.reshape(n * h, w, 3)).reshape(w, -1)
            columns = _resize_rows(columns, width, filter).reshape(width, n * h, 3)
            batch = cv2.transpose(columns).reshape(n, h, width, 3)
        if h != height:
            rows = batch.reshape(n, h, -1).transpose(1, 0, 2).reshape(h, -1)
            batch = _resize_rows(rows, height, filter).reshape(height, n, width, 3).transpose(1, 0, 2, 3)
        resized = np.ascontiguousarray(batch)
    return resized.reshape(*images.shape[:-3], height, width, 3)


def check_pair(pair, name, meaning):
    """Check two whole numbers above 0.

    Args:
        pair (Sequence[int]): the two.
        name (str): what the user calls them.
        meaning (str): what they are, such as ``'(height, width)'``.

    Returns:
        tuple[int, int]: the same.

    Raises:
        ValueError: they are anything else; names them.
    """
    try:
        first, second = pair
        if min(first, second) < 1 or (first, second) != (int(first), int(second)):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(f'{name}={pair!r} must be {meaning}, two whole numbers above 0') from None
    return int(first), int(second)


def _resize_rows(pixels, count, filter):
    """One pass over the first axis: uint8 (rows, columns) → (count, columns)."""
    plan = _make_plan(len(pixels), count, filter)
    product = _one_product if plan.nudge else _two_products
    resized = np.empty((count, pixels.shape[1]), np.uint8)
    for first in range(0, pixels.shape[1], COLUMNS):
        resized[:, first:first + COLUMNS] = product(plan, pixels[:, first:first + COLUMNS])
    for row, first, taps in plan.by_integers:
        total = taps @ pixels[first:first + len(taps)].astype(np.int32)
        resized[row] = np.clip((total + ONE // 2) // ONE, 0, 255)
    return resized


def _one_product(plan, pixels):
    centred = (pixels ^ 128).view(np.int8)  # p - 128, which halves the rounding errors
    sums = np.matmul(plan.weights, _windows(plan, centred))
    return _to_bytes(plan, sums, lowest=-128., alpha=1, beta=128 + plan.nudge)


def _two_products(plan, pixels):
    sums = np.matmul(plan.weights, _windows(plan, pixels))
    high, low = np.split(sums, 2, axis=1)
    high = np.add(high, np.floor(low, out=low))
    return _to_bytes(plan, high, lowest=0., alpha=LOW / ONE, beta=LOW / ONE / 2)  # floor(x + 1/2), without ties


def _windows(plan, pixels):
    """The windows of all bands, (bands, window, columns), as one view of a float32 copy of the pixels."""
    n_bands, _, window = plan.weights.shape
    n_in, columns = pixels.shape
    copy = np.empty((max(n_in, (n_bands - 1) * plan.step + window), columns), np.float32)
    copy[:n_in] = pixels
    copy[n_in:] = 0
    pitch, item = copy.strides
    return np.ndarray((n_bands, window, columns), np.float32, copy, 0, (plan.step * pitch, pitch, item))


def _to_bytes(plan, sums, lowest, alpha, beta):
    sums = sums.reshape(-1, sums.shape[-1])
    if plan.undershoots:
        cv2.max(sums, lowest, dst=sums)  # convertScaleAbs would mirror negative values
    rounded = cv2.convertScaleAbs(sums, alpha=alpha, beta=beta)
    return rounded if plan.places is None else rounded.take(plan.places, axis=0)


class _Plan(NamedTuple):
    """A pass. Its output rows are cut into bands; those of band b read a window of input rows that begins with row b * step."""
    weights: np.ndarray  # float32 (bands, rows a band or twice as many, window)
    step: int
    places: np.ndarray | None  # where in the bands the output rows are; None: one after the other, without gaps
    nudge: float  # lifts sums off the boundary between two grey levels; 0: two products are needed
    undershoots: bool
    by_integers: list[tuple]  # for the few rows that need more than the others: row, first input row, taps


@lru_cache(maxsize=256)
def _make_plan(n_in, n_out, filter):
    start, ideal, taps = _coefficients(n_in, n_out, filter)
    weights, certain, nudge = _weights_for_one_product(ideal, taps)
    others = np.flatnonzero(~certain)
    undershoots = bool((taps < 0).any())
    if len(others) <= n_out // 16:
        by_integers = [(row, start[row], np.trim_zeros(taps[row], 'b').astype(np.int32)) for row in others.tolist()]
        return _Plan(*_cut(start, [weights]), nudge, undershoots, by_integers)
    high = (taps + LOW // 2) // LOW
    return _Plan(*_cut(start, [high, (taps - high * LOW) / LOW]), 0, undershoots, [])


def _cut(start, parts):
    """Cut rows of weights, which begin at input rows ``start``, into the bands that cost least: weights, step, places."""
    used = np.any(parts, axis=0)
    last = start + used.shape[1] - 1 - used[:, ::-1].argmax(1)

    def layout(step):
        band = start // step
        return band, band[-1] + 1, np.bincount(band).max(), (last - band * step).max() + 1

    def cost(step):
        _, n_bands, height, window = layout(step)
        size = len(parts) * height * window
        return size > BAND_SIZE, n_bands * (size + 50)  # a call costs as much as 50 products a column

    step = min(range(1, 65), key=cost)
    band, n_bands, height, window = layout(step)
    place = np.arange(len(start)) - np.searchsorted(band, band)
    weights = np.zeros((n_bands, len(parts), height, window), np.float32)
    row, tap = np.nonzero(used)
    for index, part in enumerate(parts):
        weights[band[row], index, place[row], (start - band * step)[row] + tap] = part[row, tap]
    places = None if len(start) == n_bands * height else band * height + place
    return weights.reshape(n_bands, -1, window), step, places


def _weights_for_one_product(ideal, taps):
    """Weights for float32 sums over p - 128, the rows that are certain with them, and how much to add before rounding.

    With S = sum(ideal) and excess e = taps * S - ideal * ONE, Pillow takes the integer part of
    ``(sum(ideal * p) + S / 2 + sum(e * p) / ONE) / S``. The last term is tiny: it decides only where the others make a whole
    number, which takes an even S. With weights ``(ideal * m + e') / (S * m)``, e' = e without its common divisor and m
    larger than any sum(e' * p), it still decides there and nowhere else, but in steps of 1 / (S * m).
    """
    ideal = ideal // np.gcd.reduce(ideal, axis=1, keepdims=True)
    total = ideal.sum(1, keepdims=True)
    excess = taps * total - ideal * ONE
    odd = total % 2 == 1
    tilt = np.where(odd, 0, excess // np.maximum(np.gcd.reduce(excess, axis=1, keepdims=True), 1))
    scale = 1 + 255 * np.maximum(tilt.clip(min=0).sum(1), -tilt.clip(max=0).sum(1))[:, None]
    weights = (ideal * scale + tilt) / (total * scale)
    # nearest that a sum comes to a boundary (for an even S from below: on it, it counts as above)
    gap = 1 / (np.where(odd, 2, scale) * total)[:, 0]
    terms = (ideal != 0).sum(1) + 1
    error = ROUNDOFF * (128 * np.abs(weights).sum(1) * terms + 256)
    nudge = np.ceil(error.max() * 2**16) / 2**16  # so that 128 + nudge is a float32
    certain = (error + nudge < gap) & (255 * np.abs(excess).sum(1) < ONE // 2) & (odd[:, 0] | (taps.sum(1) == ONE))
    return weights, certain, nudge


def _coefficients(n_in, n_out, filter):
    """First input row of every output row (n_out,), and the weights from there on (n_out, taps): ideal, as integers, and taps."""
    scale = n_in / n_out
    support = SUPPORT[filter] * max(scale, 1)
    center = (np.arange(n_out) + 0.5) * scale
    start = np.maximum((center - support + 0.5).astype(np.int64), 0)
    stop = np.minimum((center + support + 0.5).astype(np.int64), n_in)
    rows = start[:, None] + np.arange((stop - start).max())
    used = rows < stop[:, None]
    # as Pillow's precompute_coeffs computes them, in doubles and in its order
    weights = np.where(used, _kernel(filter, np.abs((rows - center[:, None] + 0.5) * (1 / max(scale, 1))), 1), 0)
    scaled = weights / np.add.accumulate(weights, axis=1)[:, -1:] * ONE
    taps = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int64)
    # the same distances, in units of 1 / (2 * max(n_in, n_out))
    distance = np.abs((2 * rows + 1) * n_out - (2 * np.arange(n_out)[:, None] + 1) * n_in)
    ideal = np.where(used, _kernel(filter, distance, 2 * max(n_in, n_out)), 0)
    # leave out zeros in front, as far as the starts stay in order
    first = np.minimum.accumulate((start + (taps != 0).argmax(1))[::-1])[::-1]
    shifted = np.arange(taps.shape[1]) + (first - start)[:, None]
    used = shifted < taps.shape[1]
    taps, ideal = (np.where(used, np.take_along_axis(x, np.where(used, shifted, 0), 1), 0) for x in (taps, ideal))
    return first, ideal, taps


def _kernel(filter, x, one):
    """Weights at distances ``x`` >= 0, in units of ``one`` for a distance, of ``one`` or ``2 * one**3`` for a weight."""
    if filter == 'pillow-bilinear':
        return np.maximum(one - x, 0)
    near = (3 * x - 5 * one) * x * x + 2 * one**3
    far = ((5 * one - x) * x - 8 * one**2) * x + 4 * one**3
    return np.where(x < one, near, np.where(x < 2 * one, far, 0))
