"""Parts on their pads: bodies, leads, prints and solder, and how they are drawn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .scene import MASK_THICKNESS, UNITS, Array, Colour, Scene, box, capsule, disc, texture

TIN = (0.86, 0.87, 0.88)
SOLDER = (0.90, 0.91, 0.93)
WHITE_INK = (0.92, 0.92, 0.88)
BLACK_INK = (0.06, 0.06, 0.07)
STRAND_RADIUS = 8.0  # half the width of a solder bridge
Rectangle: TypeAlias = tuple[float, float, float, float]  # u, v, half_u, half_v
EXCESS = 1.35  # more solder than that bulges, by BURYING units of height for every 1 above it
BURYING = 9.0
STANDING = 60.0  # a part tilted further than this is drawn on its end, degrees


@dataclass(frozen=True)
class Mark:
    """One element of a package's print, in the package's frame; ``text`` may hold ``{lot}``."""
    shape: str  # text, label (a printed box without the text), bar, disc, or cavity (a hole in the body)
    u: float
    v: float
    half_u: float
    half_v: float
    text: str = ''
    colour: tuple[float, ...] = WHITE_INK


@dataclass(frozen=True)
class Look:
    """What one part number of a package looks like."""
    body: tuple[float, ...]
    marks: tuple[Mark, ...] = ()
    scale: float = 1.0  # of the body, against the package's
    accent: tuple[float, ...] = ()  # colour of an LED's lens, of an electrolytic's polarity segment
    gloss: float = 0.3


@dataclass(frozen=True)
class Package:
    """Geometry of a package, in units.

    Attributes:
        kind: 'chip' (end caps), 'gull' (leads), 'can' (electrolytic) or 'bare' (pads without a part).
        prefix: letters of its designators.
        half_u, half_v, height: the body.
        pads: (u, v, half_u, half_v) each.
        leads: for 'gull' and 'can': (u, v, half_u, half_v) of each foot, one per pad.
        looks: part numbers, any two unmistakably different.
        polar: whether half a turn shows.
        pad_colour: RGB of the metal on the pads.
    """
    kind: str
    prefix: str
    half_u: float
    half_v: float
    height: float
    pads: tuple[Rectangle, ...]
    looks: tuple[Look, ...]
    leads: tuple[Rectangle, ...] = ()
    polar: bool = False
    pad_colour: tuple[float, ...] = SOLDER


@dataclass
class Assembly:
    """How a part sits on its pads: the state that shots and defects vary.

    Attributes:
        du, dv: placement error, units; turn: degrees.
        tilt: degrees by which one end is lifted; positive lifts the right one.
        present: whether the part is there at all.
        solder: amount on each pad, 1 is right.
        bridges: pairs of pads joined by solder.
        bridge_path, bridge_radius: where a bridge runs, units off the straight line, and half its width.
        lead_lift: lead → units by which its tip stands above the pad.
        body_tone: lightness, or RGB factors, of the body against its look.
        print_strength, print_shift, print_weight: how strong, displaced (units) and bold the print came out.
        lot: the text that changes from reel to reel.
        spread: how far the fillet on each pad runs out, 1 is usual.
    """
    look: Look
    du: float = 0.0
    dv: float = 0.0
    turn: float = 0.0
    tilt: float = 0.0
    present: bool = True
    solder: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    bridges: list[tuple[int, int]] = field(default_factory=list)
    bridge_path: float = 0.0
    bridge_radius: float = STRAND_RADIUS
    lead_lift: dict[int, float] = field(default_factory=dict)
    body_tone: float | tuple[float, ...] = 1.0
    print_strength: float = 1.0
    print_shift: tuple[float, ...] = (0.0, 0.0)
    print_weight: int = 4
    lot: str = 'A1'


def text_mark(text: str, u: float, v: float, half_u: float, half_v: float,
              colour: tuple[float, ...] = WHITE_INK) -> Mark:
    """A text that fills its rectangle."""
    return Mark('text', u, v, half_u, half_v, text, colour)


BLACK = (0.055, 0.055, 0.06)


def _lifted(u: Array, part: Assembly, package: Package) -> tuple[Array, Array]:
    """The body's own u of a part with one end lifted, and the height that the tilt adds there."""
    if not part.tilt:
        return u, np.zeros((), np.float32)
    side = -np.sign(part.tilt)  # of the end that stays down
    slope = np.deg2rad(abs(part.tilt))
    along = package.half_u - side * u  # from the end that stays down
    return side * (package.half_u - along / np.cos(slope)), np.clip(along, 0, None) * np.tan(slope)


def _draw_marks(scene: Scene, u: Array, v: Array, part: Assembly, inside: Array) -> None:
    du, dv = part.print_shift
    for mark in part.look.marks:
        # Bars that reach the package's edge are moulded or painted with it and do not move on it.
        moved_u, moved_v = (u, v) if mark.shape in ('bar', 'cavity') else (u - du, v - dv)
        if mark.shape in ('text', 'label'):
            inset = 1.0 if mark.shape == 'text' else 0.6
            cover = scene.text_cover(moved_u, moved_v, mark.text.format(lot=part.lot), mark.u, mark.v,
                                     mark.half_u * inset, mark.half_v * inset, part.print_weight)
            if mark.shape == 'label':
                hidden = cover
                cover = scene.cover(box(moved_u, moved_v, mark.u, mark.v, mark.half_u, mark.half_v, 2.0))
                cover = cover * (1 - hidden)
        elif mark.shape in ('bar', 'cavity'):
            cover = scene.cover(box(moved_u, moved_v, mark.u, mark.v, mark.half_u, mark.half_v))
        else:
            cover = scene.cover(disc(moved_u, moved_v, mark.u, mark.v, mark.half_u))
        if mark.shape == 'cavity':
            scene.paint(cover * inside, mark.colour)
        else:
            scene.print_ink(cover * inside, mark.colour, part.print_strength)


def _toned(colour: Colour, tone: float | tuple[float, ...]) -> tuple[float, ...]:
    return tuple(np.clip(np.asarray(colour) * tone, 0, 0.95))


def _draw_standing(scene: Scene, u: Array, v: Array, part: Assembly, package: Package) -> None:
    """A chip on its end: its footprint is its thickness, on top is the other end cap."""
    side = -np.sign(part.tilt)
    centre = side * (package.half_u - package.height / 2 + 3)
    distance = box(u, v, centre, 0, package.height / 2 + 2, package.half_v, 1.5)
    cover = scene.cover(distance)
    cap = package.kind == 'chip'
    scene.paint(cover, TIN if cap else _toned(part.look.body, part.body_tone), metal=0.9 if cap else 0.0)
    lean = 44 + 0.5 * side * (u - centre)
    scene.block(distance, lean)


def _draw_chip(scene: Scene, u: Array, v: Array, part: Assembly, package: Package) -> None:
    u, lift = _lifted(u, part, package)
    half_u, half_v = package.half_u * part.look.scale, package.half_v * part.look.scale
    distance = box(u, v, 0, 0, half_u, half_v, 1.5)
    inside = scene.cover(distance)
    caps = scene.cover(half_u - 9 - np.abs(u)) * inside
    body = inside * (1 - caps)
    scene.paint(body, _toned(part.look.body, part.body_tone), gloss=part.look.gloss)
    scene.paint(caps, TIN, metal=0.9)
    scene.block(distance, package.height + 0.6 * caps + lift)
    if part.look.accent:
        radius = min(13, package.half_v - 3)
        lens = disc(u, v, 0, 0, radius)
        scene.paint(scene.cover(lens), _toned(part.look.accent, part.body_tone), gloss=0.8)
        dome = package.height + lift + 4 * np.sqrt(np.clip(-lens / radius, 0, 1))
        scene.rise(np.where(lens < 0, dome, 0).astype(np.float32))
    _draw_marks(scene, u, v, part, body)


def _draw_leads(scene: Scene, u: Array, v: Array, part: Assembly, package: Package, lift: Array) -> None:
    for index, (foot_u, foot_v, half_u, half_v) in enumerate(package.leads):
        distance = box(u, v, foot_u, foot_v, half_u, half_v, 1.0)
        along_u = half_u > half_v
        outer = abs(foot_u) + half_u if along_u else abs(foot_v) + half_v
        length = outer - (package.half_u if along_u else package.half_v)
        # 0 at the tip, 1 at the body
        out = np.clip(((outer - np.abs(u)) if along_u else (outer - np.abs(v))) / length, 0, 1)
        bend = np.clip((out - 0.55) / 0.35, 0, 1)
        profile = 2.0 + bend * bend * (3 - 2 * bend) * package.height * 0.5
        scene.paint(scene.cover(distance), TIN, metal=0.95)
        profile = profile + part.lead_lift.get(index, 0.0) * (1 - out)
        scene.block(distance, profile + lift, bevel=1.2)


def _draw_gull(scene: Scene, u: Array, v: Array, part: Assembly, package: Package) -> None:
    u, lift = _lifted(u, part, package)
    _draw_leads(scene, u, v, part, package, lift)
    distance = box(u, v, 0, 0, package.half_u * part.look.scale, package.half_v * part.look.scale, 1.5)
    inside = scene.cover(distance)
    scene.paint(inside, _toned(part.look.body, part.body_tone), gloss=part.look.gloss)
    scene.block(distance, package.height + lift, bevel=4.0)
    _draw_marks(scene, u, v, part, inside)


def _draw_can(scene: Scene, u: Array, v: Array, part: Assembly, package: Package) -> None:
    _draw_leads(scene, u, v, part, package, np.zeros((), np.float32))
    # the base is chamfered on the positive side
    corner = (np.abs(v) + u * 1.0 - package.half_u - 21) * np.float32(0.7071)
    base = np.maximum(box(u, v, 0, 0, package.half_u, package.half_v, 2), corner)
    scene.paint(scene.cover(base), BLACK, gloss=0.2)
    scene.block(base, 8)
    radius = package.half_u * 0.94 * part.look.scale
    can = disc(u, v, 0, 0, radius)
    inside = scene.cover(can)
    scene.paint(inside, _toned(part.look.body, part.body_tone), metal=0.55, gloss=part.look.gloss)
    segment = scene.cover(np.maximum(can, u + radius * 0.55))
    scene.paint(segment, part.look.accent, gloss=0.3)
    scene.block(can, package.height, bevel=5.0)
    _draw_marks(scene, u, v, part, inside)


_DRAW = dict(chip=_draw_chip, gull=_draw_gull, can=_draw_can)


def _terminals(u: Array, v: Array, part: Assembly, package: Package) -> Array:
    """Signed distance to the nearest metal end that solder wets."""
    u, _ = _lifted(u, part, package)
    if package.kind == 'chip':
        return box(u, v, 0, 0, package.half_u * part.look.scale, package.half_v * part.look.scale, 1.5)
    wetted = [box(u, v, *lead, 1.0) for index, lead in enumerate(package.leads)
              if index not in part.lead_lift]
    return np.minimum.reduce(wetted) if wetted else np.full_like(u, UNITS)


def _strand(u: Array, v: Array, first: Rectangle, second: Rectangle, path: float,
            radius: float) -> Array:
    """Signed distance to solder that runs from one pad to another, ``path`` off their straight line."""
    (start_u, start_v), (end_u, end_v) = first[:2], second[:2]
    if abs(end_u - start_u) > abs(end_v - start_v):
        points = ((start_u, start_v), (0.9 * start_u, start_v + path), (0.9 * end_u, end_v + path),
                  (end_u, end_v))
    else:
        points = ((start_u, start_v), (start_u + path, 0.9 * start_v), (end_u + path, 0.9 * end_v),
                  (end_u, end_v))
    return np.minimum.reduce([capsule(u, v, *ends, radius)
                              for ends in itertools.pairwise(points)])


def draw_solder(scene: Scene, pads_frame: tuple[Array, Array], body_frame: tuple[Array, Array],
                part: Assembly, package: Package, rng: np.random.Generator) -> None:
    """Pads with their solder: fillets that climb the terminals, or domes where no terminal stands."""
    u, v = pads_frame
    top = package.height * 0.75 if package.kind == 'chip' else 6.5
    reach = 15.0 if package.kind == 'chip' else 8.0
    terminals = _terminals(*body_frame, part, package)
    grain = 0.10 * texture(rng, scene.height.shape, 1.2 * scene.scale)
    joints = np.zeros_like(scene.height)
    for index, pad in enumerate(package.pads):
        distance = box(u, v, *pad, 2.0)
        scene.paint(scene.cover(distance), package.pad_colour, metal=0.95)
        amount, spread = part.solder[index], part.spread[index]
        depth = np.clip(-distance / min(pad[2], pad[3]), 0, 1)
        lifted = part.tilt and np.sign(part.tilt) == np.sign(pad[0])
        if not part.present or lifted or (terminals[distance < 0] > 0).all():
            joint = 4.5 * amount * (1 - (1 - depth)**2)
        else:
            near = 1 - np.clip(np.maximum(terminals, 0) / (reach * spread), 0, 1)
            joint = (top * amount * near * near * np.clip(-distance / 2.5, 0, 1)
                     + 0.8 * amount * np.clip(-distance / 3, 0, 1))
        if amount > EXCESS:  # no hollow fillet any more: a dome that buries the terminal
            joint = np.maximum(joint, BURYING * (amount - EXCESS) * np.sqrt(1 - (1 - depth)**2))
        np.maximum(joints, np.where(distance < 0, joint + MASK_THICKNESS, 0), out=joints)
    for first, second in part.bridges:
        strand = _strand(u, v, package.pads[first], package.pads[second], part.bridge_path,
                         part.bridge_radius)
        scene.paint(scene.cover(strand), SOLDER, metal=0.95)
        crest = 6.0 * np.sqrt(np.clip(-strand / part.bridge_radius, 0, 1))
        np.maximum(joints, np.where(strand < 0, crest, 0), out=joints)
    scene.rise((joints + grain * (joints > 0)).astype(np.float32))


def draw_part(scene: Scene, body_frame: tuple[Array, Array], part: Assembly, package: Package) -> None:
    """The part itself, over its solder."""
    if not part.present or package.kind == 'bare':
        return
    if abs(part.tilt) > STANDING:
        _draw_standing(scene, *body_frame, part, package)
    else:
        _DRAW[package.kind](scene, *body_frame, part, package)
