"""A picture of samples of the demo data."""

from __future__ import annotations

from mmchangenet.boards.contact_sheet import Sample, draw_sheet
from mmchangenet.boards.scene import Array

from .board import board_sites
from .shot import GOLDEN, take_shot

# What the sheet shows, one per row: (designator, board, defect).
SAMPLES = (
    ('U1', 2, None), ('R2', 1, 'little_solder'), ('C2', 5, 'tombstone'), ('Q1', 4, 'wrong_part'),
    ('U2', 3, 'bridge'),
    ('LED1', 0, 'shifted'), ('D1', 2, 'rotated'), ('R4', 7, 'missing'), ('CE1', 6, 'foreign_object'),
)


def contact_sheet(seed: int = 0) -> Array:
    """Draw samples of a seed's data set, as :func:`draw_sheet` does: uint8 (h, w, 3), RGB."""
    numbers = {site.name: number for number, site in enumerate(board_sites(seed))}
    return draw_sheet([
        Sample(defect or 'PASS', name, take_shot(seed, GOLDEN, numbers[name]),
               take_shot(seed, board, numbers[name], defect=defect)) for name, board, defect in SAMPLES])
