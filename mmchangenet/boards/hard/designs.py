"""The board designs: what stands on each, and how its bare board looks. Whole designs are held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmchangenet.boards.parts import Package
from mmchangenet.boards.scene import stable_seed

from .part_types import PART_TYPES, RGB

SITES = 24  # of every design
KNOWN, DEVELOPMENT, HELD_OUT = 'known', 'development', 'held out'


@dataclass(frozen=True)
class Design:
    """One board's drawing.

    Attributes:
        name: of its image folders.
        role: KNOWN (trained on), DEVELOPMENT (never trained on: to choose by) or HELD_OUT (to measure on).
        mask, copper: RGB of the solder mask over laminate and over copper.
        silkscreen: RGB of its print.
        laminate: RGB inside the openings of the mask.
        part_types: what its sites hold, one after the other.
        plane: share of the ground that is covered with copper.
    """

    name: str
    role: str
    mask: RGB
    copper: RGB
    silkscreen: RGB
    laminate: RGB
    part_types: tuple[str, ...]
    plane: float


_WHITE: RGB = (0.88, 0.88, 0.84)
_FR4: RGB = (0.50, 0.44, 0.26)
_GREEN: tuple[RGB, RGB] = ((0.035, 0.16, 0.065), (0.07, 0.25, 0.09))
_BLUE: tuple[RGB, RGB] = ((0.02, 0.07, 0.22), (0.04, 0.13, 0.34))
_RED: tuple[RGB, RGB] = ((0.26, 0.03, 0.03), (0.38, 0.06, 0.05))
_BLACK: tuple[RGB, RGB] = ((0.03, 0.03, 0.032), (0.07, 0.066, 0.06))
_PALE: tuple[RGB, RGB] = ((0.68, 0.68, 0.66), (0.76, 0.75, 0.72))
_OLIVE: tuple[RGB, RGB] = ((0.10, 0.13, 0.03), (0.18, 0.21, 0.05))
_PETROL: tuple[RGB, RGB] = ((0.03, 0.13, 0.14), (0.05, 0.22, 0.22))
_VIOLET: tuple[RGB, RGB] = ((0.10, 0.03, 0.16), (0.17, 0.06, 0.25))

DESIGNS: tuple[Design, ...] = (
    Design('power', KNOWN, *_GREEN, _WHITE, _FR4, (
        'resistor', 'capacitor', 'soic8', 'electrolytic', 'diode', 'connector', 'led', 'pads'), 0.2),
    Design('sensor', KNOWN, *_BLUE, _WHITE, _FR4, (
        'resistor-small', 'capacitor-small', 'sot23', 'soic8', 'led', 'tssop14', 'test-points',
        'capacitor'), 0.5),
    Design('motor', KNOWN, *_RED, _WHITE, _FR4, (
        'resistor', 'capacitor-small', 'diode', 'sot23', 'electrolytic', 'tantalum', 'connector',
        'pads'), 0.35),
    Design('audio', KNOWN, *_BLACK, (0.80, 0.74, 0.50), (0.42, 0.38, 0.26), (
        'resistor-small', 'capacitor', 'tantalum', 'tssop14', 'electrolytic', 'led', 'sot23',
        'test-points'), 0.6),
    Design('lamp', KNOWN, *_PALE, (0.05, 0.05, 0.06), (0.60, 0.56, 0.44), (
        'resistor', 'led', 'capacitor', 'diode', 'resistor-small', 'soic8', 'pads', 'connector'), 0.3),
    Design('gateway', DEVELOPMENT, *_OLIVE, _WHITE, _FR4, (
        'resistor', 'sot25', 'capacitor', 'electrolytic-small', 'msop10', 'led', 'connector', 'pads'), 0.4),
    Design('meter', HELD_OUT, *_VIOLET, _WHITE, _FR4, (
        'resistor-small', 'inductor', 'tssop14', 'capacitor-small', 'led-white', 'connector-fine',
        'diode', 'pads-row'), 0.45),
    Design('drive', HELD_OUT, *_PETROL, (0.85, 0.80, 0.45), (0.46, 0.40, 0.30), (
        'resistor-blue', 'capacitor', 'inductor', 'soic8', 'tantalum', 'electrolytic', 'led-white',
        'sot23'), 0.25),
)
KNOWN_TYPES = frozenset(kind for design in DESIGNS if design.role == KNOWN for kind in design.part_types)


@dataclass(frozen=True)
class Site:
    """A place of a design: designator, part type, orientation in degrees, part number (index of looks)."""

    name: str
    part_type: str
    angle: float
    look: int

    @property
    def geometry(self) -> Package:
        """The site's package."""
        return PART_TYPES[self.part_type]


@lru_cache(maxsize=32)
def design_sites(seed: int, design: Design) -> tuple[Site, ...]:
    """The sites of a design."""
    rng = np.random.default_rng([seed, stable_seed(design.name), 1])
    sites = []
    for number in range(SITES):
        kind = design.part_types[number % len(design.part_types)]
        package = PART_TYPES[kind]
        sites.append(Site(f'{package.prefix}{number + 1}', kind, float(rng.choice((0, 90, 180, 270))),
                          int(rng.integers(len(package.looks)))))
    return tuple(sites)
