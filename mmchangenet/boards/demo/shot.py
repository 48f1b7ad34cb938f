"""One visit of the inspection machine to one site: the four pictures it takes."""

from __future__ import annotations

import numpy as np

from mmchangenet.boards.lighting import LIGHTS, shade
from mmchangenet.boards.parts import Assembly, draw_part, draw_solder
from mmchangenet.boards.scene import Array, Scene

from .board import Bare, Site, board_sites, draw_board
from .camera import expose
from .defects import drop_foreign_object, spoil

REGISTRATION = 1.6  # largest error of the machine's table, units (pixels of a 128-pixel picture)
GOLDEN = -1  # number of the board that the golden shots are of

# Streams of random numbers of a shot, so that a defect changes nothing but itself.
_BARE, _SITE, _SURFACE, _CAMERA, _DEFECT = range(5)


def _stream(seed: int, board: int, site: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, board + 1, site, purpose, 77])


def draw_bare(seed: int, board: int) -> Bare:
    """How this board's mask and silkscreen came out."""
    rng = _stream(seed, board, 0, _BARE)
    tone = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    return Bare(tuple(tone), rng.uniform(0.75, 1.0), tuple(rng.uniform(-1.2, 1.2, 2).tolist()))


def draw_assembly(site: Site, rng: np.random.Generator) -> Assembly:
    """A good part with the variation that a line allows."""
    package = site.geometry
    lot = ''.join(rng.choice(list('ABCDEFHKLMNPRTUXYZ0123456789'), 4))
    pads = len(package.pads)
    return Assembly(
        look=package.looks[site.look],
        du=rng.uniform(-1.2, 1.2), dv=rng.uniform(-1.2, 1.2), turn=rng.uniform(-1.5, 1.5),
        solder=rng.uniform(0.9, 1.15, pads).tolist(), spread=rng.uniform(0.85, 1.05, pads).tolist(),
        body_tone=float(np.exp(rng.normal(0, 0.12))), print_strength=rng.uniform(0.75, 1.0),
        print_shift=tuple(rng.uniform(-1.5, 1.5, 2).tolist()), lot=lot)


def take_shot(seed: int, board: int, site_number: int, size: int = 128,
              defect: str | None = None) -> dict[str, Array]:
    """Draw one site of one board and photograph it under every light.

    Args:
        seed: of the whole data set.
        board: number of the board, from 0; GOLDEN for the golden shots.
        site_number: position on the board.
        size: side of the pictures, pixels.
        defect: one of DEFECTS; None draws a good part. All else stays the same.

    Returns:
        light → uint8 (size, size, 3), RGB.
    """
    site = board_sites(seed)[site_number]
    rng = _stream(seed, board, site_number, _SITE)
    scene = Scene(size, shift=rng.uniform(-REGISTRATION, REGISTRATION, 2), turn=rng.uniform(-0.8, 0.8))
    part = draw_assembly(site, rng)
    flaw = _stream(seed, board, site_number, _DEFECT)
    if defect:
        spoil(part, site, defect, flaw)
    surface = _stream(seed, board, site_number, _SURFACE)
    draw_board(scene, site, draw_bare(seed, board), seed, surface)
    pads_frame = Scene.frame_of(scene.x, scene.y, 0, 0, site.angle)
    body_frame = Scene.frame_of(*pads_frame, part.du, part.dv, part.turn)
    draw_solder(scene, pads_frame, body_frame, part, site.geometry, surface)
    draw_part(scene, body_frame, part, site.geometry)
    if defect == 'foreign_object':
        drop_foreign_object(scene, flaw)
    radiance = shade(scene)
    camera = _stream(seed, board, site_number, _CAMERA)
    return {light: expose(radiance[light], light, camera) for light in LIGHTS}
