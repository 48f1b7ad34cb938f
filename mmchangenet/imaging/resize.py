"""Antialiased resizing with numpy and OpenCV alone; two filters give Pillow's very bytes.

Pillow resizes in two passes, first along the rows, then along the columns, and rounds to 8 bits after each. A
pixel is the sum of a few pixels times 22-bit integers k ("taps"), rounded: ``(sum(k * p) + 2**21) >> 22``.
Here a pass is a product of float32 matrices over overlapping bands of the image, the quickest way numpy has,
and exact all the same:

- Without rounding, the weights are fractions a/S with a small denominator for many pairs of sizes. Then the
  sums keep so far from the boundary between two grey levels that float32 cannot take the wrong side. On the
  boundary itself (S even) the rounding errors of k decide: they are added to the weights, enlarged until
  float32 sees them. One product will do.
- Otherwise k is split into a high and a low half, whose products float32 holds without error. Two products.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np

FILTERS = ('pillow-bilinear', 'pillow-bicubic', 'fast', 'area')

SUPPORT = {'pillow-bilinear': 1, 'pillow-bicubic': 2}  # half widths of the kernels, in pixels
ONE = 1 << 22  # Pillow's fixed-point 1
LOW = 1 << 10  # what the low half of a tap counts to
ROUNDOFF = 2.**-24  # relative error of a float32 operation
# most columns of a pass, unless a single image has more: its bytes stay in a second-level cache
SIDE_BY_SIDE = 2000
COLUMNS = 640  # most columns of a product: its matrices stay in a second-level cache
BAND_SIZE = 400  # with COLUMNS, the largest product for which OpenBLAS starts no threads


def resize(images: np.ndarray[Any, Any] | Sequence[np.ndarray[Any, Any]], size: tuple[int, int],
           filter: str = 'pillow-bilinear') -> np.ndarray[Any, Any]:
    """Resize images of one size to another.

    The Pillow filters go along the rows first, as Pillow does up to version 12 (version 13 turns the order
    round for some sizes that squeeze the height more than the width).

    Args:
        images: uint8, (..., h, w, 3), or a list of (h, w, 3).
        size: (height, width) wanted, in pixels.
        filter: ``'pillow-bilinear'`` and ``'pillow-bicubic'`` equal Pillow's antialiased filters of these
            names byte for byte. ``'fast'`` comes close to ``'pillow-bilinear'`` in a third of its time:
            OpenCV's INTER_LINEAR, when shrinking with a blur before it against aliasing. ``'area'`` is
            OpenCV's INTER_AREA, INTER_LINEAR when a side grows.

    Returns:
        uint8, (..., height, width, 3); an array that has that size already is returned as it is.

    Raises:
        ValueError: images, size or filter are not as described.
    """
    height, width = check_pair(size, 'size', '(height, width)')
    if filter not in FILTERS:
        raise ValueError(f'filter={filter!r} is unknown, use one of {FILTERS}')
    others, batch = [len(images)], images
    if isinstance(images, np.ndarray) and images.ndim > 2:
        *others, h, w, _ = images.shape
        if (h, w) == (height, width):
            return images
        batch = images.reshape(math.prod(others), *images.shape[-3:])
    kinds = {(image.dtype.name, *image.shape) for image in batch}
    dtype, *shape = next(iter(kinds), (None, ))
    if len(kinds) != 1 or dtype != 'uint8' or len(shape) != 3 or shape[2] != 3 or not min(shape):
        raise ValueError(
            f'images must be uint8 (h, w, 3), all of one size, at least one, got {sorted(kinds)}')
    resized = (_resize_like_pillow if filter in SUPPORT else _resize_with_opencv)(batch, height, width,
                                                                                  filter)
    return resized.reshape(*others, height, width, 3)


def _resize_with_opencv(batch: Any, height: Any, width: Any, filter: Any) -> Any:
    h, w, _ = batch[0].shape
    method = cv2.INTER_AREA if filter == 'area' and height <= h and width <= w else cv2.INTER_LINEAR
    along_x, along_y = _blur_kernel(w / width), _blur_kernel(h / height)
    blurs = filter == 'fast' and len(along_x) + len(along_y) > 2
    resized = np.empty((len(batch), height, width, 3), np.uint8)
    for image, target in zip(batch, resized, strict=True):
        if blurs:
            image = cv2.sepFilter2D(image, -1, along_x, along_y, borderType=cv2.BORDER_REFLECT)
        cv2.resize(image, (width, height), dst=target, interpolation=method)
    return resized


@lru_cache(maxsize=256)
def _blur_kernel(shrinking: Any) -> Any:
    """What widens the kernel of bilinear interpolation, a triangle of half width 1, to one of half width
    ``shrinking``.

    The variance of a triangle of half width n over pixels is (n**2 - 1) / 6; between whole numbers two are
    mixed.
    """
    if shrinking <= 1:
        return np.ones(1)
    n = int(shrinking)
    small, large = (np.convolve(np.ones(width), np.ones(width)) / width**2 for width in (n, n + 1))
    share = (shrinking**2 - n**2) / (2 * n + 1)
    return share * large + (1 - share) * np.pad(small, 1)


def _resize_like_pillow(batch: Any, height: Any, width: Any, filter: Any) -> Any:
    """A few images at a time."""
    h = len(batch[0])
    count = max(1, SIDE_BY_SIDE // (3 * max(h, width)))
    resized = np.empty((len(batch), height, width, 3), np.uint8)
    for first in range(0, len(batch), count):
        group = slice(first, first + count)
        resized[group] = _resize_side_by_side(batch[group], height, width, filter)
    return resized


def _resize_side_by_side(batch: Any, height: Any, width: Any, filter: Any) -> Any:
    """Two passes over the first axis of an array that holds all images side by side, for the first one lying
    on their sides.
    """
    n, (h, w, _) = len(batch), batch[0].shape
    upright = np.empty((h, n, width, 3), np.uint8)
    if w == width:
        for index, image in enumerate(batch):
            upright[:, index] = image
    else:
        lying = np.empty((w, n, h, 3), np.uint8)
        for index, image in enumerate(batch):
            cv2.transpose(image, dst=lying[:, index])
        lying = _resize_rows(lying.reshape(w, -1), width, filter).reshape(width, n, h, 3)
        for index in range(n):
            cv2.transpose(lying[:, index], dst=upright[:, index])
    if h != height:
        upright = _resize_rows(upright.reshape(h, -1), height, filter).reshape(height, n, width, 3)
    return upright.swapaxes(0, 1)


def check_pair(pair: Any, name: str, meaning: str) -> tuple[int, int]:
    """Check two whole numbers above 0.

    Args:
        pair: the two.
        name: what the user calls them.
        meaning: what they are, such as ``'(height, width)'``.

    Returns:
        the same.

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


def _resize_rows(pixels: Any, count: Any, filter: Any) -> Any:
    """One pass over the first axis: uint8 (rows, columns) → (count, columns)."""
    plan = _make_plan(len(pixels), count, filter)
    bands, height, window = plan.weights.shape
    rows, columns = pixels.shape
    n_parts = -(-columns // COLUMNS)
    width = -(-columns // n_parts)
    copy = np.zeros((max(rows, (bands - 1) * plan.step + window), width), np.float32)
    pitch, item = copy.strides
    windows = np.ndarray((bands, window, width), np.float32, copy, 0, (plan.step * pitch, pitch, item))
    sums = np.empty((bands, height, width), np.float32)
    resized = np.empty((plan.n_places, columns), np.uint8)
    for part in range(n_parts):
        first = min(part * width, columns - width)
        values = pixels[:, first:first + width]
        # p ^ 127 as a signed byte is 127 - p: sums about 0 have half the rounding errors
        copy[:rows] = (values ^ 127).view(np.int8) if plan.nudge else values
        np.matmul(plan.weights, windows, out=sums)
        (_round_one if plan.nudge else _round_two)(plan, sums, resized[:, first:first + width])
    if len(resized) > count:
        resized = resized.take(plan.places, axis=0)
    for row, first, taps in plan.by_integers:
        total = taps @ pixels[first:first + len(taps)].astype(np.int32)
        resized[row] = np.clip((total + ONE // 2) // ONE, 0, 255)
    return resized


def _round_one(plan: Any, sums: Any, target: Any) -> None:
    """Sums of one product, of 127 - p, to uint8 rows."""
    sums = sums.reshape(-1, sums.shape[-1])
    if plan.undershoots:  # convertScaleAbs would mirror what falls below black
        cv2.threshold(sums, 127., 0., cv2.THRESH_TRUNC, dst=sums)
    cv2.convertScaleAbs(sums, dst=target, alpha=-1, beta=127 + plan.nudge)


def _round_two(plan: Any, sums: Any, target: Any) -> None:
    """High and low sums of two products to uint8 rows."""
    high, low = np.split(sums, 2, axis=1)
    total = np.add(high, np.floor(low, out=low)).reshape(-1, sums.shape[-1])
    if plan.undershoots:
        cv2.threshold(total, 0., 0., cv2.THRESH_TOZERO, dst=total)
    cv2.convertScaleAbs(total, dst=target, alpha=LOW / ONE,
                        beta=LOW / ONE / 2)  # a floor of x + 1/2, without ties


class _Plan(NamedTuple):
    """A pass. Its output rows are cut into bands; those of band b read a window of input rows that begins
    with row b * step.
    """
    weights: np.ndarray[Any, Any]  # float32 (bands, rows a band or twice as many, window)
    step: int
    places: np.ndarray[
        Any, Any]  # where the output rows are among the rows of all bands, which may have gaps between them
    n_places: int
    nudge: float  # lifts sums off the boundary between two grey levels; 0: two products are needed
    undershoots: bool
    by_integers: list[tuple[
        Any, ...]]  # for the few rows that need more than the others: row, first input row, taps


@lru_cache(maxsize=256)
def _make_plan(n_in: Any, n_out: Any, filter: Any) -> Any:
    start, ideal, taps = _coefficients(n_in, n_out, filter)
    weights, certain, nudge = _weights_for_one_product(ideal, taps)
    others = np.flatnonzero(~certain)
    undershoots = bool((taps < 0).any())
    if len(others) <= n_out // 16:
        by_integers = [(row, start[row], np.trim_zeros(taps[row], 'b').astype(np.int32))
                       for row in others.tolist()]
        return _Plan(*_cut(start, [weights]), nudge, undershoots, by_integers)
    high = (taps + LOW // 2) // LOW
    return _Plan(*_cut(start, [high, (taps - high * LOW) / LOW]), 0, undershoots, [])


def _cut(start: Any, parts: Any) -> tuple[Any, Any, Any, Any]:
    """Cut rows of weights, which begin at input rows ``start``, into the cheapest bands: weights, step,
    places, n_places.
    """
    used = np.any(parts, axis=0)
    last = start + used.shape[1] - 1 - used[:, ::-1].argmax(1)

    def layout(step: Any) -> Any:
        band = start // step
        return band, band[-1] + 1, np.bincount(band).max(), (last - band * step).max() + 1

    def cost(step: Any) -> Any:
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
    return weights.reshape(n_bands, -1, window), step, band * height + place, n_bands * height


def _weights_for_one_product(ideal: Any, taps: Any) -> Any:
    """Weights for float32 sums over 127 - p, the rows that are certain with them, and how much to add before
    rounding.

    With S = sum(ideal) and excess e = taps * S - ideal * ONE, Pillow takes the integer part of
    ``(sum(ideal * p) + S / 2 + sum(e * p) / ONE) / S``. The last term is tiny: it decides only where the
    others make a whole number, which takes an even S. With weights ``(ideal * m + e') / (S * m)``, e' = e
    without its common divisor and m larger than any sum(e' * p), it still decides there and nowhere else, but
    in steps of 1 / (S * m).
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
    nudge = np.ceil(error.max() * 2**16) / 2**16  # so that 127 + nudge is a float32
    certain = (error + nudge < gap) & (255 * np.abs(excess).sum(1) < ONE // 2) & (odd[:, 0] |
                                                                                  (taps.sum(1) == ONE))
    return weights, certain, nudge


def _coefficients(n_in: Any, n_out: Any, filter: Any) -> Any:
    """First input row of every output row (n_out,), and the weights from there on (n_out, taps): ideal, as
    integers, and taps.
    """
    scale = n_in / n_out
    support = SUPPORT[filter] * max(scale, 1)
    center = (np.arange(n_out) + 0.5) * scale
    start = np.maximum((center - support + 0.5).astype(np.int64), 0)
    stop = np.minimum((center + support + 0.5).astype(np.int64), n_in)
    rows = start[:, None] + np.arange((stop - start).max())
    used = rows < stop[:, None]
    # as Pillow's precompute_coeffs computes them, in doubles and in its order
    weights = np.where(used, _kernel(filter, np.abs((rows - center[:, None] + 0.5) * (1 / max(scale, 1))), 1),
                       0)
    scaled = weights / np.add.accumulate(weights, axis=1)[:, -1:] * ONE
    taps = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int64)
    # the same distances, in units of 1 / (2 * max(n_in, n_out))
    distance = np.abs((2 * rows + 1) * n_out - (2 * np.arange(n_out)[:, None] + 1) * n_in)
    ideal = np.where(used, _kernel(filter, distance, 2 * max(n_in, n_out)), 0)
    # leave out zeros in front, as far as the starts stay in order
    first = np.minimum.accumulate((start + (taps != 0).argmax(1))[::-1])[::-1]
    shifted = np.arange(taps.shape[1]) + (first - start)[:, None]
    used = shifted < taps.shape[1]
    taps, ideal = (np.where(used, np.take_along_axis(x, np.where(used, shifted, 0), 1), 0)
                   for x in (taps, ideal))
    return first, ideal, taps


def _kernel(filter: Any, x: Any, one: Any) -> Any:
    """Weights at distances ``x`` >= 0, in units of ``one`` for a distance, of ``one`` or ``2 * one**3`` for a
    weight.
    """
    if filter == 'pillow-bilinear':
        return np.maximum(one - x, 0)
    near = (3 * x - 5 * one) * x * x + 2 * one**3
    far = ((5 * one - x) * x - 8 * one**2) * x + 4 * one**3
    return np.where(x < one, near, np.where(x < 2 * one, far, 0))
