"""The demo board: its sites, and what the bare board shows there."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmchangenet.boards.parts import Package
from mmchangenet.boards.scene import MASK_THICKNESS, Array, Scene, box, capsule, disc, stable_seed, texture

from .packages import PACKAGES

# How often each package is on the board.
POPULATION = dict(resistor=6, capacitor=5, led=4, diode=4, sot23=4, soic8=5, electrolytic=4)

LAMINATE = (0.50, 0.44, 0.26)
MASK = (0.035, 0.16, 0.065)
COPPER_UNDER_MASK = (0.07, 0.25, 0.09)
GOLD = (0.85, 0.68, 0.36)
SILKSCREEN = (0.88, 0.88, 0.84)


@dataclass(frozen=True)
class Site:
    """A place for one part: designator, package, orientation in degrees, part number (index of looks)."""
    name: str
    package: str
    angle: float
    look: int

    @property
    def geometry(self) -> Package:
        """What stands there."""
        return PACKAGES[self.package]


@dataclass(frozen=True)
class Bare:
    """What varies of a bare board: tone of the mask (RGB factors), strength and offset of the silkscreen."""
    tone: tuple[float, ...]
    silkscreen: float
    silkscreen_shift: tuple[float, ...]


@lru_cache(maxsize=4)
def board_sites(seed: int) -> tuple[Site, ...]:
    """The sites of the board that belongs to a seed."""
    sites = []
    for package, count in POPULATION.items():
        for number in range(1, count + 1):
            name = f'{PACKAGES[package].prefix}{number}'
            rng = np.random.default_rng([seed, stable_seed(name), 1])
            sites.append(Site(name, package, float(rng.choice((0, 90))), 0))
    return tuple(sites)


def _routes(site: Site, rng: np.random.Generator) -> list[tuple[tuple[float, float], ...]]:
    """Tracks as polylines in the site's frame: one out of each pad, and some that pass by."""
    tracks: list[tuple[tuple[float, float], ...]] = []
    for u, v, half_u, half_v in site.geometry.pads:
        along_u = half_u > half_v or site.package == 'diode'
        outward = np.array([np.sign(u), 0.0]) if along_u else np.array([0.0, np.sign(v)])
        side = np.array([outward[1], outward[0]]) * rng.choice((-1, 1))
        corner = np.array([u, v]) + outward * rng.uniform(12, 22)
        tracks.append(((u, v), tuple(corner.tolist()), tuple((corner + (outward + side) * 40).tolist())))
    for _ in range(rng.integers(1, 4)):
        offset = rng.uniform(50, 60) * rng.choice((-1, 1))
        bend = rng.uniform(-30, 30)
        tracks.append(((-90, offset), (bend, offset), (bend + 40, offset + 40 * np.sign(offset)), ))
    return tracks


def draw_board(scene: Scene, site: Site, bare: Bare, seed: int, rng: np.random.Generator) -> None:
    """Laminate, tracks, vias, solder mask with its openings, and silkscreen.

    Args:
        scene: empty.
        site: what is drawn around.
        bare: this board's looks.
        seed: of the design: tracks are the same on every board.
        rng: of the shot: grain of the surface.
    """
    design = np.random.default_rng([seed, stable_seed(site.name), 2])
    u, v = scene.frame_of(scene.x, scene.y, 0, 0, site.angle)
    full = np.ones_like(scene.height)
    fine, coarse = (texture(rng, scene.height.shape, grain * scene.scale) for grain in (1.0, 4.0))
    weave = 1 + 0.06 * fine + 0.05 * coarse
    scene.paint(full, np.asarray(MASK) * bare.tone, gloss=0.45)
    scene.height += np.float32(MASK_THICKNESS)
    copper = full * 1e3
    for track in _routes(site, design):
        width = design.uniform(2.2, 4.0)
        for start, end in itertools.pairwise(track):
            copper = np.minimum(copper, capsule(u, v, start, end, width))
    vias = [(float(x), float(y)) for x, y in design.uniform(-60, 60, (6, 2)) if max(abs(x), abs(y)) > 50][:2]
    for via in vias:
        copper = np.minimum(copper, disc(u, v, *via, 6))
    under = scene.cover(copper)
    scene.paint(under, np.asarray(COPPER_UNDER_MASK) * bare.tone, gloss=0.45)
    scene.height += np.clip(-copper / 1.5, 0, 1) * np.float32(0.7)
    for via in vias:
        scene.paint(scene.cover(disc(u, v, *via, 4.2)), GOLD, metal=0.9)
        scene.paint(scene.cover(disc(u, v, *via, 2.2)), (0.02, 0.02, 0.02))
        scene.height -= np.clip(-disc(u, v, *via, 2.2), 0, 1) * 2
    scene.albedo *= weave[..., None].astype(np.float32)
    for pad in site.geometry.pads:
        opening = box(u, v, pad[0], pad[1], pad[2] + 2, pad[3] + 2, 2)
        scene.paint(scene.cover(opening), LAMINATE)
        np.copyto(scene.height, np.float32(0.1), where=opening < 0)
    scene.height += 0.05 * texture(rng, scene.height.shape, 1.0 * scene.scale)
    _draw_silkscreen(scene, site, bare, u - bare.silkscreen_shift[0], v - bare.silkscreen_shift[1])


def _draw_silkscreen(scene: Scene, site: Site, bare: Bare, u: Array, v: Array) -> None:
    package = site.geometry
    reach_u = max(package.half_u, *(abs(pad[0]) + pad[2] for pad in package.pads)) + 5
    reach_v = max(package.half_v, *(abs(pad[1]) + pad[3] for pad in package.pads)) + 5
    outline = box(u, v, 0, 0, reach_u, reach_v)
    corners = np.minimum(np.abs(u), np.abs(v) * reach_u / reach_v) > 0.72 * min(reach_u, reach_v)
    ink = scene.cover(np.abs(outline) - 1.0) * corners
    room = 62 - reach_v
    if room >= 6:
        text_height = min(room - 2, 9) / 2
        ink = np.maximum(ink, scene.text_cover(u, v, site.name,
                                               -reach_u + 5 * len(site.name), reach_v + 3 + text_height,
                                               4.5 * len(site.name), text_height))
    scene.paint(ink * bare.silkscreen, SILKSCREEN, gloss=0.05)
