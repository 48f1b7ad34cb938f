"""A production line over time: what varies of good parts from lot to lot, panel to panel and shot to shot."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmchangenet.boards.lighting import LIGHTS
from mmchangenet.boards.parts import Assembly
from mmchangenet.boards.scene import Scene, box, disc, stable_seed, texture

from .bare_board import Panel
from .designs import Design, Site
from .part_types import RGB

# A good part stands within ±8 px and ±3° of where the golden picture has it (pixels of a 128-pixel picture)
VIEW_OFFSET, VIEW_TURN = 5.0, 1.5  # of the picture: conveyor and fiducials
PLACEMENT, PLACEMENT_TURN = 3.0, 1.5  # of the part on its pads

LOT_BOARDS = (15, 40)  # boards that one reel lasts
SOLDER = (0.78, 1.22)  # amount on a pad, 1 is usual
DUST = 2.0  # specks a picture, on average
RESIDUE = 0.6  # share of the boards that were not washed well
_FLUX: RGB = (0.46, 0.34, 0.13)
DRIFT = 0.28  # deviation of the log of a light's brightness over weeks
FLICKER = 0.05  # the same from shot to shot

_LOT, _PANEL, _DRIFT = range(3)


@dataclass(frozen=True)
class Lot:
    """What the parts of one reel have in common.

    Attributes:
        tone: RGB factors of the body.
        print_strength, print_weight: how strong (0..1) and how bold (pixels of the raster) the print is.
        dullness: of the solder: share of its shine that is lost.
        code: the date code's letters.
    """

    tone: RGB
    print_strength: float
    print_weight: int
    dullness: float
    code: str


def lot_at(seed: int, design: Design, site: Site, board: int) -> Lot:
    """The lot that a site's part of a board is from."""
    names = [seed, stable_seed(design.name), stable_seed(site.part_type)]
    boards = int(np.random.default_rng([*names, 3, _LOT]).integers(*LOT_BOARDS))
    rng = np.random.default_rng([*names, board // boards + 1, 4, _LOT])
    tone = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.06, 3))
    return Lot((float(tone[0]), float(tone[1]), float(tone[2])), float(rng.uniform(0.55, 1.0)),
               int(rng.integers(3, 6)), float(rng.uniform(0, 0.45)),
               ''.join(rng.choice(list('ABCDEFHKLMNPRTUXYZ'), 2)))


def panel_at(seed: int, design: Design, board: int) -> Panel:
    """How a board's bare panel came out."""
    rng = np.random.default_rng([seed, stable_seed(design.name), board + 1, 5, _PANEL])
    tone = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    shifts = rng.uniform(-2, 2, 4).tolist()
    serial = f'{rng.integers(10, 99)}{rng.choice(list("AEKMPTX"))}-{rng.integers(1000, 9999)}'
    return Panel((float(tone[0]), float(tone[1]), float(tone[2])), float(rng.uniform(0.5, 1.0)),
                 (shifts[0], shifts[1]), (0.35 * shifts[2], 0.35 * shifts[3]), serial)


def light_gains(seed: int, design: Design, when: float) -> dict[str, float]:
    """Brightness of every light at a time, 0 to 1 over the whole data set; each lamp ages at its own pace."""
    gains = {}
    for light in LIGHTS:
        rng = np.random.default_rng([seed, stable_seed(design.name), stable_seed(light), 6, _DRIFT])
        phases, rates = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.5, 4, 3)
        start = np.sin(phases).sum()  # the goldens' brightness, at the beginning
        wave = np.sin(phases + 2 * np.pi * rates * when).sum() - start
        gains[light] = float(np.exp(DRIFT / np.sqrt(1.5) * wave))
    return gains


def good_assembly(site: Site, lot: Lot, rng: np.random.Generator) -> Assembly:
    """A part as the line may place, solder and print it."""
    package = site.geometry
    pads = len(package.pads)
    amounts = rng.uniform(*SOLDER, pads)
    if package.kind == 'bare':
        amounts *= 0.1  # bare gold
    spread, shift = rng.uniform(0.8, 1.1, pads), rng.uniform(-1.8, 1.8, 2)
    offset, turn = rng.uniform(-1, 1, 2), rng.uniform(-1, 1)
    tone = np.asarray(lot.tone) * np.exp(rng.normal(0, 0.05))
    return Assembly(
        look=package.looks[site.look], du=float(PLACEMENT * offset[0]), dv=float(PLACEMENT * offset[1]),
        turn=float(PLACEMENT_TURN * turn), solder=amounts.tolist(), spread=spread.tolist(),
        body_tone=tuple(tone.tolist()), print_strength=lot.print_strength * float(rng.uniform(0.85, 1.0)),
        print_weight=lot.print_weight, print_shift=tuple(shift.tolist()),
        lot=lot.code + str(rng.integers(10, 99)))


def leave_residue(scene: Scene, site: Site, rng: np.random.Generator) -> None:
    """Stains of flux around the pads: amber, without an edge, and transparent."""
    strength, reach = float(rng.uniform(0.2, 0.7)), float(rng.uniform(5, 12))
    spots = texture(rng, (8, 8), 0.7)
    if rng.random() > RESIDUE:
        return
    u, v = scene.frame_of(scene.x, scene.y, 0, 0, site.angle)
    away = np.minimum.reduce([box(u, v, *pad, 2.0) for pad in site.geometry.pads])
    patches = cv2.resize(spots, (scene.size, scene.size), interpolation=cv2.INTER_CUBIC)
    cover = strength * np.clip(1 - np.abs(away) / reach, 0, 1) * np.clip(0.5 + 0.5 * patches, 0, 1)
    metal = scene.metal.copy()
    scene.paint(cover.astype(np.float32), _FLUX, gloss=0.5)
    np.copyto(scene.metal, metal * (1 - np.float32(0.5) * cover))


def settle_dust(scene: Scene, rng: np.random.Generator) -> None:
    """Specks and short hairs, thinner than any foreign matter that counts."""
    for _ in range(rng.poisson(DUST)):
        x, y = rng.uniform(-62, 62, 2).tolist()
        speck = disc(scene.x, scene.y, x, y, float(rng.uniform(0.5, 1.5)))
        shade = float(rng.uniform(0.25, 0.8))
        cover = scene.cover(speck) * np.float32(rng.uniform(0.4, 0.9))
        scene.paint(cover, (shade, shade, 0.95 * shade), gloss=0.1)
