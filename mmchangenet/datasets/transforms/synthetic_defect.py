"""Synthetic defects: a PASS row becomes a FAIL row by a change of its compare side.

Cut and paste within the image (Li et al., CutPaste, 2021, https://arxiv.org/abs/2104.04015), so that what
appears has the look of this board under every lighting; shapes are those that defects of boards have.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, Results, check_probability

Mask: TypeAlias = NDArray[Any]  # uint8 (h, w), 0 or 255
Side: TypeAlias = Images  # the compare side, uint8 (L, h, w, 3), changed in place
Change: TypeAlias = Callable[[Side, np.random.Generator], Mask]

TRIES = 4  # places and kinds that are tried for a row
SEEN = 12.0  # grey levels of difference in some lighting, on average over the mask, that make it visible
SMALLEST = 6  # pixels
PLACES = 12  # of an image that are compared, to paste what differs most


def _span(side: Side) -> int:
    return min(side.shape[1:3])


def _place(side: Side, rng: np.random.Generator) -> tuple[int, int]:
    """(x, y) in the middle three quarters, where parts are."""
    height, width = side.shape[1:3]
    return int(width * rng.uniform(0.125, 0.875)), int(height * rng.uniform(0.125, 0.875))


def _lump(side: Side, rng: np.random.Generator, low: float, high: float) -> Mask:
    """A rounded irregular patch; ``low`` and ``high`` bound its radius as shares of the image's side."""
    x, y = _place(side, rng)
    angles = np.linspace(0, 2 * np.pi, 9)[:-1]
    reach = _span(side) * rng.uniform(low, high) * rng.uniform(0.6, 1.2, 8)
    points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], 1).astype(np.int32)
    return cv2.fillPoly(np.zeros(side.shape[1:3], np.uint8), [points], (255, ))


def _stroke(side: Side, rng: np.random.Generator, length: tuple[float, float],
            width: tuple[float, float]) -> Mask:
    """A line of one bend; lengths and widths are shares of the image's side."""
    x, y = _place(side, rng)
    span, angle, bend = _span(side), rng.uniform(0, 2 * np.pi), rng.normal(0, 0.4)
    half = span * rng.uniform(*length) / 2
    ends = [(x - half * np.cos(angle), y - half * np.sin(angle)), (x, y),
            (x + half * np.cos(angle + bend), y + half * np.sin(angle + bend))]
    thickness = max(round(span * rng.uniform(*width)), 1)
    mask = np.zeros(side.shape[1:3], np.uint8)
    return cv2.polylines(mask, [np.array(ends, np.int32)], False, (255, ), thickness)


def _box(mask: Mask) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(mask)
    return slice(y, y + height), slice(x, x + width)


def _mix(side: Side, mask: Mask, fill: Images) -> None:
    """Replace what the mask covers; ``fill`` is (L, h', w', 3) of the mask's box. Its edge is softened."""
    rows, columns = _box(mask)
    if not mask.any():
        return
    alpha = cv2.blur(mask[rows, columns], (3, 3)).astype(np.float32)[..., None] / np.float32(255)
    part = side[:, rows, columns]
    part[:] = (part + alpha * (fill.astype(np.float32) - part) + np.float32(0.5)).astype(np.uint8)


def _paste_other(side: Side, mask: Mask, rng: np.random.Generator, brighter: bool) -> Mask:
    """Fill the mask with the brightest or darkest of some pieces of the image."""
    rows, columns = _box(mask)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    tops = rng.integers(0, side.shape[1] - height + 1, PLACES)
    lefts = rng.integers(0, side.shape[2] - width + 1, PLACES)
    small = side[:, ::4, ::4].mean((0, 3))  # (h / 4, w / 4): enough to compare by

    def level(top: int, left: int) -> float:
        return float(small[top // 4:(top + height) // 4 + 1, left // 4:(left + width) // 4 + 1].mean())

    levels = np.array([level(top, left) for top, left in zip(tops, lefts, strict=True)])
    best = int(levels.argmax() if brighter else levels.argmin())
    top, left = int(tops[best]), int(lefts[best])
    _mix(side, mask, side[:, top:top + height, left:left + width].copy())
    return mask


def _tint(side: Side, mask: Mask, gains: NDArray[np.float64]) -> Mask:
    """Multiply what the mask covers by (L, 3) gains."""
    rows, columns = _box(mask)
    _mix(side, mask, np.clip(side[:, rows, columns] * gains[:, None, None].astype(np.float32), 0, 255))
    return mask


def _body(side: Side, rng: np.random.Generator) -> Mask:
    """A rectangle around the middle, as large as a part."""
    height, width = side.shape[1:3]
    half_w, half_h = (int(extent * rng.uniform(0.18, 0.38)) for extent in (width, height))
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 - half_h:height // 2 + half_h, width // 2 - half_w:width // 2 + half_w] = 255
    return mask


def _move(side: Side, rng: np.random.Generator, shift: float, degrees: float) -> Mask:
    """The middle of the image, moved."""
    mask, (height, width) = _body(side, rng), side.shape[1:3]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    heading = rng.uniform(0, 2 * np.pi)
    matrix[:, 2] += shift * np.cos(heading), shift * np.sin(heading)
    moved = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    pictures = np.stack([cv2.warpAffine(image, matrix, (width, height)) for image in side])
    rows, columns = _box(moved)
    _mix(side, moved, pictures[:, rows, columns])
    return mask | moved


def _missing(side: Side, rng: np.random.Generator) -> Mask:
    """The ground that is round about, in the place of the part."""
    mask = _body(side, rng)
    rows, columns = _box(mask)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    corners = np.stack([cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA)[::7, ::7] for image in side])
    fill = np.stack([cv2.resize(image, (width, height)) for image in corners])
    _mix(side, mask, fill)
    return mask


def _swapped(side: Side, rng: np.random.Generator) -> Mask:
    """The middle mirrored and in other colours: another part on the same pads."""
    mask = _body(side, rng)
    rows, columns = _box(mask)
    _mix(side, mask, side[:, rows, columns][:, ::-1, ::-1].copy())
    return _tint(side, mask, np.exp(rng.normal(0, 0.35, (1, 3))).repeat(len(side), 0))


def _smear(side: Side, rng: np.random.Generator) -> Mask:
    mask = _lump(side, rng, 0.10, 0.22)
    rows, columns = _box(mask)
    reach = max(_span(side) // 8, 3)
    size = (reach, 3) if rng.random() < 0.5 else (3, reach)
    _mix(side, mask, np.stack([cv2.blur(image[rows, columns], size) for image in side]))
    return mask


def _gains(side: Side, rng: np.random.Generator, spread: float) -> NDArray[np.float64]:
    """Gains of a substance: (L, 3), one colour, and how bright it is under each lighting."""
    sign = rng.choice((-1, 1))
    return np.exp(sign * spread + rng.normal(0, 0.25, (1, 3)) + rng.normal(0, 0.15, (len(side), 1)))


def _pasted(shape: Callable[[Side, np.random.Generator], Mask], brighter: bool) -> Change:
    return lambda side, rng: _paste_other(side, shape(side, rng), rng, brighter)


KINDS: dict[str, Change] = {  # sizes are shares of the image's side
    'bridge': _pasted(lambda side, rng: _stroke(side, rng, (0.2, 0.5), (0.04, 0.10)), brighter=True),
    'gap': _pasted(lambda side, rng: _stroke(side, rng, (0.08, 0.2), (0.05, 0.12)), brighter=False),
    'bite': _pasted(lambda side, rng: _lump(side, rng, 0.04, 0.09), brighter=False),
    'spur': _pasted(lambda side, rng: _stroke(side, rng, (0.08, 0.2), (0.03, 0.08)), brighter=True),
    'island': _pasted(lambda side, rng: _lump(side, rng, 0.03, 0.09), brighter=True),
    'hole': _pasted(lambda side, rng: _lump(side, rng, 0.025, 0.06), brighter=False),
    'missing': _missing,
    'shifted': lambda side, rng: _move(side, rng, _span(side) * rng.uniform(0.07, 0.18), 0),
    'turned': lambda side, rng: _move(side, rng, 0, float(rng.choice((-1, 1)) * rng.uniform(10, 35))),
    'swapped': _swapped,
    'blob': lambda side, rng: _tint(side, _lump(side, rng, 0.05, 0.13), _gains(side, rng, 0.9)),
    'scratch': lambda side, rng: _tint(side, _stroke(side, rng, (0.2, 0.6), (0.01, 0.025)),
                                       _gains(side, rng, 0.8)),
    'smear': _smear,
    'colour': lambda side, rng: _tint(side, _body(side, rng), _gains(side, rng, 0.3)),
}


@TRANSFORMS.register_module()
class SyntheticDefect(BaseTransform):
    """Put a defect on the compare side of PASS rows; FAIL rows stay as they are.

    The same place and shape in all lightings, with a look of its own in each. It belongs after the transforms
    that move pixels, and before ``LayOutLightings``, in a training pipeline alone. Rows without ``rng``
    stay as they are.

    Required keys: images, a uint8 array (2, L, h, w, 3), gt_fail and rng.

    Modified keys: images, gt_fail and label; ``defect_mask``, a uint8 array (h, w), 255 where the defect is.

    Args:
        prob: probability that a PASS row gets one.
        kinds: which; all of :data:`KINDS` by default, equally often.
        label: of the rows that get one. A network of more than two classes has to know it.
    """

    def __init__(self, prob: float = 0.5, kinds: Sequence[str] = tuple(KINDS),
                 label: str = 'synthetic') -> None:
        self.prob = check_probability(prob, 'prob of SyntheticDefect')
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown or not kinds:
            raise ValueError(f'kinds={list(kinds)} of SyntheticDefect: choose some of {", ".join(KINDS)}')
        self.kinds, self.label = tuple(kinds), label

    def transform(self, results: Results) -> Results:
        """Change the row with the wanted probability."""
        rng = results.get('rng')
        if rng is None or results.get('gt_fail') != 0 or rng.random() >= self.prob:
            return results
        images = results['images'].copy()
        for _ in range(TRIES):
            mask = KINDS[self.kinds[rng.integers(len(self.kinds))]](images[0], rng)
            if _is_visible(results['images'][0], images[0], mask):
                results.update(images=images, gt_fail=1, label=self.label, defect_mask=mask)
                return results
            images[0] = results['images'][0]
        height, width = images.shape[2:4]
        warnings.warn('SyntheticDefect found no place where a defect would show in some rows, which stay '
                      f'PASS: images of {width}×{height} px may be too small or too plain for '
                      f'{", ".join(self.kinds)}', stacklevel=2)
        return results


def _is_visible(before: Side, after: Side, mask: Mask) -> bool:
    inside = mask > 0
    if np.count_nonzero(inside) < SMALLEST:
        return False
    rows, columns = _box(mask)
    inside = inside[rows, columns]
    return any(cv2.absdiff(old[rows, columns], new[rows, columns])[inside].mean() >= SEEN
               for old, new in zip(before, after, strict=True))
