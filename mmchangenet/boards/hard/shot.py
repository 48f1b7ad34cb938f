"""One visit of the machine to one site of the hard boards: four pictures, and where the defect is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmchangenet.boards.lighting import LIGHTS, shade
from mmchangenet.boards.parts import draw_part, draw_solder
from mmchangenet.boards.scene import Scene, stable_seed

from .bare_board import draw_bare_board
from .camera import FOCUS, camera_at, expose
from .defects import add_to_surface, spoil
from .designs import Design, design_sites
from .line import (
    FLICKER,
    VIEW_OFFSET,
    VIEW_TURN,
    good_assembly,
    leave_residue,
    light_gains,
    lot_at,
    panel_at,
    settle_dust,
)

GOLDEN = -1  # number of the board that the golden pictures are of
SMALLEST_TRACE = 12  # pixels that a defect changes at least, of a picture of 128 × 128
SEVERITY_STEP = 0.2

# Streams of random numbers of a shot, so that a defect changes nothing but itself.
_SITE, _SURFACE, _CAMERA, _DEFECT, _DUST = range(5)


@dataclass(frozen=True)
class Flaw:
    """A defect that a shot shows: its kind, and its severity from 0 (near the threshold of the eye) to 1."""

    kind: str
    severity: float


@dataclass(frozen=True)
class Shot:
    """Pictures of a site.

    Attributes:
        images: light → (size, size, 3), RGB.
        mask: (size, size), 255 where the defect changes the surface; None of a good part.
        severity: as drawn, raised until the defect shows.
    """

    images: dict[str, NDArray[np.uint8]]
    mask: NDArray[np.uint8] | None = None
    severity: float = 0.0


def take_shot(seed: int, design: Design, board: int, number: int, when: float = 0.0, size: int = 128,
              flaw: Flaw | None = None) -> Shot:
    """Draw one site of one board and photograph it under every light.

    Args:
        seed: of the whole data set.
        design: the board's.
        board: its number, from 0; GOLDEN for the golden pictures.
        number: of the site on the board.
        when: 0 to 1 over the whole data set.
        size: side of the pictures, pixels.
        flaw: what is wrong; None for a good part. All else stays the same.
    """
    mask, severity = None, 0.0
    scene = _draw(seed, design, board, number, size, None, 0.0)
    if flaw:
        twin, severity = scene, flaw.severity
        while True:
            scene = _draw(seed, design, board, number, size, flaw.kind, severity)
            mask = _changed(twin, scene)
            if np.count_nonzero(mask) >= SMALLEST_TRACE * (size / 128)**2 or severity >= 1:
                break
            severity = min(severity + SEVERITY_STEP, 1.0)
    site, dirt = design_sites(seed, design)[number], _stream(seed, design, board, number, _DUST)
    if board != GOLDEN:
        leave_residue(scene, site, dirt)
    settle_dust(scene, dirt)
    scene.metal *= np.float32(1 - lot_at(seed, design, site, board).dullness)
    radiance, camera = shade(scene), camera_at(when)
    rng = _stream(seed, design, board, number, _CAMERA)
    gains, focus = light_gains(seed, design, when), 0.0 if board == GOLDEN else float(rng.uniform(*FOCUS))
    images = {}
    for light in LIGHTS:
        gain = gains[light] * float(np.exp(rng.normal(0, FLICKER)))
        images[light] = expose(radiance[light], light, gain, camera, focus, rng)
    return Shot(images, mask, severity)


def boxes(mask: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """(x, y, width, height) of every connected piece of a mask, pieces a few pixels apart taken as one."""
    reach = max(mask.shape[0] // 16, 1)
    joined = cv2.dilate(mask, np.ones((reach, reach), np.uint8))
    count, pieces = cv2.connectedComponents(joined)
    found = [cv2.boundingRect(np.where(pieces == piece, mask, 0)) for piece in range(1, count)]
    return [(int(x), int(y), int(width), int(height)) for x, y, width, height in found]


def _stream(seed: int, design: Design, board: int, number: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, stable_seed(design.name), board + 1, number, purpose, 78])


def _draw(seed: int, design: Design, board: int, number: int, size: int, defect: str | None,
          severity: float) -> Scene:
    """The site's surface, without dust."""
    site = design_sites(seed, design)[number]
    rng = _stream(seed, design, board, number, _SITE)
    offset, turn = np.clip(rng.normal(0, 0.45, 2), -1, 1), float(np.clip(rng.normal(0, 0.45), -1, 1))
    if board == GOLDEN:  # taken with care
        offset, turn = 0.2 * offset, 0.2 * turn
    scene = Scene(size, shift=tuple((VIEW_OFFSET * offset).tolist()), turn=VIEW_TURN * turn)
    part = good_assembly(site, lot_at(seed, design, site, board), rng)
    if board == GOLDEN:
        part.du, part.dv, part.turn = 0.2 * part.du, 0.2 * part.dv, 0.2 * part.turn
    fault = _stream(seed, design, board, number, _DEFECT)
    if defect:
        spoil(part, site, defect, severity, fault)
    surface = _stream(seed, design, board, number, _SURFACE)
    draw_bare_board(scene, site, design, panel_at(seed, design, board), seed, surface)
    pads_frame = Scene.frame_of(scene.x, scene.y, 0, 0, site.angle)
    body_frame = Scene.frame_of(*pads_frame, part.du, part.dv, part.turn)
    draw_solder(scene, pads_frame, body_frame, part, site.geometry, surface)
    draw_part(scene, body_frame, part, site.geometry)
    if defect:
        add_to_surface(scene, site, defect, severity, fault)
    return scene


def _changed(before: Scene, after: Scene) -> NDArray[np.uint8]:
    """255 where one surface differs from the other: shape, colour, material or print."""
    ink = [scene.ink[..., None] * scene.ink_albedo for scene in (before, after)]
    changed = (np.abs(after.height - before.height) > 0.5) | (np.abs(after.metal - before.metal) > 0.15)
    changed |= (np.abs(after.albedo - before.albedo) > 0.06).any(2) | (np.abs(ink[1] - ink[0]) > 0.15).any(2)
    changed |= np.abs(after.ink - before.ink) > 0.25
    return changed.astype(np.uint8) * np.uint8(255)
