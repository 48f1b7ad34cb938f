"""A picture of samples: golden and compare side of some shots, light by light."""

import cv2
import numpy as np

from .board import board_sites
from .lighting import LIGHTS
from .shot import GOLDEN, take_shot

# What the sheet shows, one a row: (designator, board, defect).
SAMPLES = (
    ('U1', 2, None), ('R2', 1, 'little_solder'), ('C2', 5, 'tombstone'), ('Q1', 4, 'wrong_part'), ('U2', 3, 'bridge'),
    ('LED1', 0, 'shifted'), ('D1', 2, 'rotated'), ('R4', 7, 'missing'), ('CE1', 6, 'foreign_object'),
)
GAP, MARGIN, HEADER = 4, 100, 40  # pixels
LEVELS = 32  # grey levels a channel keeps, so that the PNG stays small


def contact_sheet(seed=0, cell=72, samples=SAMPLES):
    """Draw samples, a row each: four lights golden, four lights compare.

    Args:
        seed (int): of the data set they belong to.
        cell (int): side of one picture on the sheet, pixels.
        samples (Sequence[tuple]): (designator, board, defect or None) each.

    Returns:
        ndarray: uint8 (h, w, 3), RGB.
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


def _write(sheet, text, left, baseline, scale):
    cv2.putText(sheet, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, (30, 30, 30), 1, cv2.LINE_AA)
