"""The eight kinds of defect: each changes how a part sits on its pads, or drops something on the board."""

from __future__ import annotations

import cv2
import numpy as np

from mmchangenet.boards.parts import SOLDER, Assembly, Package
from mmchangenet.boards.scene import Array, Colour, Scene, disc

from .board import Site

DEFECTS = ('missing', 'shifted', 'rotated', 'tombstone', 'bridge', 'little_solder', 'wrong_part',
           'foreign_object')

TWO_TERMINALS = ('resistor', 'capacitor', 'led', 'diode')


def can_have(site: Site, defect: str) -> bool:
    """Whether a defect can happen at a site."""
    if defect == 'tombstone':
        return site.package in TWO_TERMINALS
    return defect != 'bridge' or site.package != 'electrolytic'  # its pads are too far apart


def spoil(part: Assembly, site: Site, defect: str, rng: np.random.Generator) -> None:
    """Change a good ``Assembly`` into one with the defect (a foreign object leaves it as it is).

    Args:
        part: changed in place.
        site: where.
        defect: one of DEFECTS.
        rng: draws direction and degree.
    """
    package = site.geometry
    sign = float(rng.choice((-1, 1)))
    small = site.package in TWO_TERMINALS or site.package == 'sot23'
    if defect == 'missing':
        part.present = False
    elif defect == 'shifted':
        farthest, nearest = ((12, 17), (0, 4)) if small else ((10, 14), (0, 3))
        far, near = rng.uniform(*farthest), rng.uniform(*nearest)
        part.du, part.dv = (near, sign * far) if rng.random() < 0.7 else (sign * far, near)
    elif defect == 'rotated':
        if package.polar and site.package != 'soic8' and rng.random() < 0.25:
            part.turn += 180.0
        else:
            part.turn += sign * (rng.uniform(18, 35) if small else rng.uniform(11, 17))
    elif defect == 'tombstone':
        part.tilt = sign * (rng.uniform(74, 80) if rng.random() < 0.4 else rng.uniform(20, 32))
    elif defect == 'bridge':
        part.bridges, part.bridge_path = _bridge(package, rng)
    elif defect == 'little_solder':
        _starve(part, package, rng)
    elif defect == 'wrong_part':
        others = [look for look in package.looks if look is not part.look]
        part.look = others[rng.integers(len(others))]


def _bridge(package: Package, rng: np.random.Generator) -> tuple[list[tuple[int, int]], float]:
    """Pads that solder joins, and by how far the strand leaves their straight line."""
    if package.kind == 'gull' and len(package.pads) > 2:
        first = 0 if len(package.pads) == 3 else int(rng.choice((0, 1, 4, 5)))
        length = 1 if len(package.pads) == 3 else 2  # a row of an IC is bridged over three leads
        return [(pad, pad + 1) for pad in range(first, first + length)], float(rng.uniform(-3, 3))
    clear = package.half_v + 5
    return [(0, 1)], float(rng.choice((-1, 1)) * rng.uniform(clear - 1, clear + 2))


def _starve(part: Assembly, package: Package, rng: np.random.Generator) -> None:
    """Take the solder from one pad, or from one row of an IC."""
    if len(package.pads) == 8:
        first = int(rng.choice((0, 4)))
        pads = [*range(first, first + 4)]
    else:
        pads = [int(rng.integers(len(package.pads)))]
    for pad in pads:
        part.solder[pad] = rng.uniform(0.0, 0.08)


def drop_foreign_object(scene: Scene, rng: np.random.Generator) -> None:
    """Lay a fibre, a crumb of plastic or balls of solder somewhere near the middle."""
    kind = rng.choice(('fibre', 'crumb', 'balls'))
    x, y = rng.uniform(-34, 34, 2)
    if kind == 'fibre':
        _fibre(scene, x, y, rng)
    elif kind == 'crumb':
        _crumb(scene, x, y, rng)
    else:
        for _ in range(rng.integers(2, 5)):
            radius = rng.uniform(6, 9)
            ball = disc(scene.x, scene.y, x + rng.uniform(-12, 12), y + rng.uniform(-12, 12), radius)
            _lay(scene, ball, SOLDER, 1.5 * np.sqrt(np.clip(1 - (1 + ball / radius)**2, 0, 1)) * radius,
                 metal=0.95)


def _lay(scene: Scene, distance: Array, colour: Colour, thickness: Array, metal: float = 0.0,
         gloss: float = 0.2) -> None:
    ground = np.where(distance < 0, cv2.GaussianBlur(scene.height, (0, 0), 3 * scene.scale), 0)
    scene.paint(scene.cover(distance), colour, metal=metal, gloss=gloss)
    scene.rise(np.where(distance < 0, ground + thickness, 0).astype(np.float32))


def _fibre(scene: Scene, x: float, y: float, rng: np.random.Generator) -> None:
    """A curl of lint, 60 to 90 units long."""
    steps = 24
    heading = (rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.10, steps))
               + np.linspace(0, rng.uniform(-3, 3), steps))
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * rng.uniform(2.6, 3.8), 0)
    path += np.array([x, y]) - path.mean(0)
    squared = (scene.x[..., None] - path[:, 0])**2 + (scene.y[..., None] - path[:, 1])**2
    radius = rng.uniform(2.8, 3.6)
    distance = np.sqrt(squared.min(-1)) - radius
    colour = ((0.80, 0.75, 0.85), (0.10, 0.20, 0.75), (0.75, 0.08, 0.12))[rng.integers(3)]
    _lay(scene, distance, colour, 3 + 2.5 * np.sqrt(np.clip(-distance / radius, 0, 1)))


def _crumb(scene: Scene, x: float, y: float, rng: np.random.Generator) -> None:
    """An angular flake, 18 to 30 units across."""
    corners = rng.integers(5, 8)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(-0.3, 0.3, corners)
    reach = rng.uniform(11, 16, corners)
    distance = np.full_like(scene.x, -1e3)
    for angle, extent in zip(angles, reach, strict=True):
        edge = (scene.x - x) * float(np.cos(angle)) + (scene.y - y) * float(np.sin(angle)) - extent
        distance = np.maximum(distance, edge)
    colour = ((0.85, 0.50, 0.05), (0.80, 0.10, 0.35), (0.10, 0.25, 0.80))[rng.integers(3)]
    tilt = 0.25 * ((scene.x - x) * np.cos(angles[0]) + (scene.y - y) * np.sin(angles[0]))
    _lay(scene, distance, colour, (6 + np.clip(tilt, -4, 4)) * np.clip(-distance / 2, 0, 1))
