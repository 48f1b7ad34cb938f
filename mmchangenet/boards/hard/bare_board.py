"""What the bare board of a design shows around a site: copper, solder mask with its openings, silkscreen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmchangenet.boards.scene import MASK_THICKNESS, Scene, box, capsule, disc, stable_seed, texture

from .designs import Design, Site
from .part_types import GOLD, RGB

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Panel:
    """What varies from panel to panel.

    Attributes:
        tone: RGB factors of the mask.
        silkscreen, silkscreen_shift: strength (0..1) and offset (units) of the print.
        mask_shift: offset of the openings, units.
        serial: number that is printed beside the parts.
    """

    tone: RGB
    silkscreen: float
    silkscreen_shift: tuple[float, float]
    mask_shift: tuple[float, float]
    serial: str


def _tracks(site: Site, rng: np.random.Generator) -> list[tuple[tuple[float, float], ...]]:
    """Polylines in the site's frame: one out of most pads, and some that pass by."""
    tracks: list[tuple[tuple[float, float], ...]] = []
    for u, v, half_u, half_v in site.geometry.pads:
        if rng.random() < 0.15:
            continue
        outward = np.array([np.sign(u), 0.0]) if half_u > half_v or not v else np.array([0.0, np.sign(v)])
        corner = np.array([u, v]) + outward * rng.uniform(12, 24)
        aside = np.array([outward[1], outward[0]]) * rng.choice((-1, 0, 1))
        end = corner + (outward + aside) * 50
        tracks.append(((u, v), (float(corner[0]), float(corner[1])), (float(end[0]), float(end[1]))))
    for _ in range(rng.integers(1, 5)):
        offset, bend = float(rng.uniform(46, 62) * rng.choice((-1, 1))), float(rng.uniform(-40, 30))
        tracks.append(((-90.0, offset), (bend, offset), (bend + 40, offset + 40 * float(np.sign(offset)))))
    return tracks


def _copper(site: Site, design: Design, u: Array, v: Array, rng: np.random.Generator) -> Array:
    """Signed distance to tracks, and to the ground plane where the design has one here."""
    distance = np.full_like(u, 1e3)
    for track in _tracks(site, rng):
        width = float(rng.uniform(1.6, 4.2))
        for start, end in pairwise(track):
            np.minimum(distance, capsule(u, v, start, end, width), out=distance)
    if rng.random() < 2 * design.plane:
        angle = float(rng.uniform(0, 2 * np.pi))
        across, _ = Scene.frame_of(u, v, 0, 0, float(np.rad2deg(angle)))
        edge = across - np.float32(90 * (design.plane - 0.5))
        clear = np.minimum.reduce([box(u, v, pad[0], pad[1], pad[2] + 5, pad[3] + 5, 2)
                                   for pad in site.geometry.pads])
        distance = np.minimum(distance, np.maximum(np.maximum(edge, 4 - distance), -clear))
    return distance


def draw_bare_board(scene: Scene, site: Site, design: Design, panel: Panel, seed: int,
                    rng: np.random.Generator) -> None:
    """Draw into an empty scene; ``seed`` is the data set's, ``rng`` the shot's (grain of the surface)."""
    drawing = np.random.default_rng([seed, stable_seed(design.name), stable_seed(site.name), 2])
    u, v = scene.frame_of(scene.x, scene.y, 0, 0, site.angle)
    shape, scale = scene.height.shape, scene.scale
    weave = 1 + 0.05 * texture(rng, shape, 1.0 * scale) + 0.05 * texture(rng, shape, 4.0 * scale)
    scene.paint(np.ones_like(scene.height), np.asarray(design.mask) * panel.tone, gloss=0.45)
    scene.height += np.float32(MASK_THICKNESS)
    places = drawing.uniform(-62, 62, (8, 2)).tolist()
    vias = [(x, y) for x, y in places if max(abs(x), abs(y)) > 50][:3]
    copper = _copper(site, design, u, v, drawing)
    for x, y in vias:
        copper = np.minimum(copper, disc(u, v, x, y, 6))
    scene.paint(scene.cover(copper), np.asarray(design.copper) * panel.tone, gloss=0.45)
    scene.height += np.clip(-copper / 1.5, 0, 1) * np.float32(0.7)
    for x, y in vias:
        scene.paint(scene.cover(disc(u, v, x, y, 4.2)), GOLD, metal=0.9)
        scene.paint(scene.cover(disc(u, v, x, y, 2.2)), (0.02, 0.02, 0.02))
        scene.height -= np.clip(-disc(u, v, x, y, 2.2), 0, 1) * 2
    scene.albedo *= weave[..., None].astype(np.float32)
    for pad in site.geometry.pads:
        opening = box(u, v, pad[0] + panel.mask_shift[0], pad[1] + panel.mask_shift[1], pad[2] + 1.6,
                      pad[3] + 1.6, 1.5)
        scene.paint(scene.cover(opening), design.laminate)
        np.copyto(scene.height, np.float32(0.1), where=opening < 0)
    scene.height += np.float32(0.05) * texture(rng, shape, 1.0 * scale)
    du, dv = panel.silkscreen_shift
    _silkscreen(scene, site, design, panel, u - np.float32(du), v - np.float32(dv))


def _silkscreen(scene: Scene, site: Site, design: Design, panel: Panel, u: Array, v: Array) -> None:
    package = site.geometry
    reach_u = max(package.half_u, *(abs(pad[0]) + pad[2] for pad in package.pads)) + 5
    reach_v = max(package.half_v, *(abs(pad[1]) + pad[3] for pad in package.pads)) + 5
    corners = np.minimum(np.abs(u), np.abs(v) * reach_u / reach_v) > 0.72 * min(reach_u, reach_v)
    ink = scene.cover(np.abs(box(u, v, 0, 0, reach_u, reach_v)) - 1.0) * corners
    if package.polar:
        ink = np.maximum(ink, scene.cover(disc(u, v, -reach_u + 1, reach_v + 4, 2.2)))
    room = 62 - reach_v
    if room >= 6:
        half = min(room - 2, 9) / 2
        left, width = 5 * len(site.name) - reach_u + 6, 4.5 * len(site.name)
        ink = np.maximum(ink, scene.text_cover(u, v, site.name, left, reach_v + 3 + half, width, half))
        ink = np.maximum(ink, scene.text_cover(u, v, panel.serial, 0, -reach_v - 3 - half, 30, half))
    scene.paint(ink * np.float32(panel.silkscreen), design.silkscreen, gloss=0.05)
