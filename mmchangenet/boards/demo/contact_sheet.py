"""A picture of samples: golden and compare side of some shots, light by light."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .board import board_sites
from .lighting import LIGHTS
from .scene import Array
from .shot import GOLDEN, take_shot

# What the sheet shows, one per row: (designator, board, defect).
SAMPLES = (
    ('U1', 2, None), ('R2', 1, 'little_solder'), ('C2', 5, 'tombstone'), ('Q1', 4, 'wrong_part'),
    ('U2', 3, 'bridge'),
    ('LED1', 0, 'shifted'), ('D1', 2, 'rotated'), ('R4', 7, 'missing'), ('CE1', 6, 'foreign_object'),
)
GAP, MARGIN, HEADER = 4, 100, 40  # pixels
LEVELS = 32  # grey levels a channel keeps, so that the PNG stays small


def contact_sheet(seed: int = 0, cell: int = 72,
                  samples: Sequence[tuple[str, int, str | None]] = SAMPLES) -> Array:
    """Draw samples, one per row: four lights golden, four lights compare.

    Args:
        seed: of the data set they belong to.
        cell: side of one picture on the sheet, pixels.
        samples: (designator, board, defect or None) each.

    Returns:
        uint8 (h, w, 3), RGB.
    """
    numbers = {site.name: number for number, site in enumerate(board_sites(seed))}
    step = cell + GAP
    side = len(LIGHTS) * step + 2 * GAP
    sheet = np.full((HEADER + len(samples) * step, MARGIN + 2 * side, 3), 255, np.uint8)
    for row, (name, board, defect) in enumerate(samples):
        top = HEADER + row * step
        _write(sheet, (defect or 'PASS').replace('_', ' '), 4, top + cell // 2 - 3, 0.42)
        _write(sheet, name, 4, top + cell // 2 + 13, 0.36)
        for left, number, flaw in ((MARGIN, GOLDEN, None), (MARGIN + side, board, defect)):
            shot = take_shot(seed, number, numbers[name], defect=flaw)
            for column, light in enumerate(LIGHTS):
                picture = cv2.resize(shot[light], (cell, cell), interpolation=cv2.INTER_AREA)
                picture = picture // (256 // LEVELS) * (256 // LEVELS) + 128 // LEVELS
                sheet[top:top + cell, left + column * step:left + column * step + cell] = picture
    for left, title in ((MARGIN, 'golden'), (MARGIN + side, 'compare')):
        _write(sheet, title, left, 15, 0.5)
        for column, light in enumerate(LIGHTS):
            _write(sheet, light.removesuffix('Light'), left + column * step, 33, 0.36)
    return sheet


def _write(sheet: Array, text: str, left: int, baseline: int, scale: float) -> None:
    cv2.putText(sheet, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, (30, 30, 30), 1, cv2.LINE_AA)
