"""A picture of samples of generated boards: golden and compare side, light by light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .lighting import LIGHTS

GAP, MARGIN, HEADER = 4, 100, 40  # pixels
LEVELS = 32  # grey levels a channel keeps, so that the PNG stays small


@dataclass(frozen=True)
class Sample:
    """One row of the sheet: two lines of text, and the pictures of both sides by light, RGB."""

    title: str
    name: str
    golden: Mapping[str, NDArray[np.uint8]]
    compare: Mapping[str, NDArray[np.uint8]]


def draw_sheet(samples: Sequence[Sample], cell: int = 72) -> NDArray[np.uint8]:
    """Draw samples, one per row: four lights golden, four lights compare.

    Args:
        samples: what to show.
        cell: side of one picture on the sheet, pixels.

    Returns:
        (h, w, 3), RGB.
    """
    step = cell + GAP
    side = len(LIGHTS) * step + 2 * GAP
    sheet = np.full((HEADER + len(samples) * step, MARGIN + 2 * side, 3), 255, np.uint8)
    for row, sample in enumerate(samples):
        top = HEADER + row * step
        _write(sheet, sample.title.replace('_', ' '), 4, top + cell // 2 - 3, 0.42)
        _write(sheet, sample.name, 4, top + cell // 2 + 13, 0.36)
        for left, images in ((MARGIN, sample.golden), (MARGIN + side, sample.compare)):
            for column, light in enumerate(LIGHTS):
                picture = cv2.resize(images[light], (cell, cell), interpolation=cv2.INTER_AREA)
                picture = picture // (256 // LEVELS) * (256 // LEVELS) + 128 // LEVELS
                sheet[top:top + cell, left + column * step:left + column * step + cell] = picture
    for left, title in ((MARGIN, 'golden'), (MARGIN + side, 'compare')):
        _write(sheet, title, left, 15, 0.5)
        for column, light in enumerate(LIGHTS):
            _write(sheet, light.removesuffix('Light'), left + column * step, 33, 0.36)
    return sheet


def _write(sheet: NDArray[np.uint8], text: str, left: int, baseline: int, scale: float) -> None:
    cv2.putText(sheet, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, (30, 30, 30), 1, cv2.LINE_AA)
