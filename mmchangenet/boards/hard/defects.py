"""The twelve kinds of defect, each from near the threshold of the eye (severity 0) to glaring (1)."""

from __future__ import annotations

import numpy as np

from mmchangenet.boards.parts import SOLDER, Assembly, Package
from mmchangenet.boards.scene import Array, Scene, box, capsule, disc

from .designs import Site

DEFECTS = (
    'missing', 'shifted', 'turned', 'polarity', 'tombstone', 'lifted_lead', 'bridge', 'too_little_solder',
    'too_much_solder', 'wrong_value', 'scratch', 'foreign_matter')

# Range of each degree, from severity 0 to 1; good parts end at line.PLACEMENT, PLACEMENT_TURN and SOLDER.
SHIFT = (8.0, 20.0)  # units
TURN = (8.0, 32.0)  # degrees
TILT = (14.0, 80.0)  # degrees
LIFT = (5.0, 14.0)  # units at the tip of a lead
STRAND = (3.0, 8.0)  # half the width of a bridge, units
STARVED = (0.25, 0.0)  # amount of solder
DROWNED = (2.2, 4.0)
SCRATCH_WIDTH, SCRATCH_LENGTH = (1.3, 3.4), (30.0, 80.0)  # units
MATTER = (6.0, 15.0)  # size of foreign matter, units
FIBRES = ((0.80, 0.75, 0.85), (0.10, 0.20, 0.75), (0.10, 0.08, 0.08))
CRUMBS = ((0.80, 0.50, 0.10), (0.55, 0.10, 0.25), (0.10, 0.25, 0.70), (0.65, 0.62, 0.55))


def between(ends: tuple[float, float], severity: float) -> float:
    """The degree that belongs to a severity."""
    return ends[0] + (ends[1] - ends[0]) * severity


def can_have(site: Site, defect: str) -> bool:
    """Whether a defect can happen at a site."""
    package = site.geometry
    if defect in ('scratch', 'foreign_matter'):
        return True
    if package.kind == 'bare':
        return defect == 'bridge'
    if defect == 'polarity':
        return package.polar
    if defect == 'tombstone':
        return package.kind == 'chip' and package.half_u < 33
    if defect == 'lifted_lead':
        return package.kind == 'gull'
    if defect == 'bridge':
        return package.kind != 'can'  # its pads are too far apart
    return defect != 'wrong_value' or len(package.looks) > 1


def spoil(part: Assembly, site: Site, defect: str, severity: float, rng: np.random.Generator) -> None:
    """Change a good part into one with the defect; a scratch and foreign matter leave it as it is."""
    package = site.geometry
    sign = float(rng.choice((-1, 1)))
    if defect == 'missing':
        part.present = False
    elif defect == 'shifted':
        angle, far = rng.uniform(0, 2 * np.pi), between(SHIFT, severity)
        part.du, part.dv = float(far * np.cos(angle)), float(far * np.sin(angle))
    elif defect == 'turned':
        part.turn = sign * between(TURN, severity)
    elif defect == 'polarity':
        part.turn += 180.0
    elif defect == 'tombstone':
        part.tilt = sign * between(TILT, severity)
    elif defect == 'lifted_lead':
        lead = int(rng.integers(len(package.leads)))
        part.lead_lift = {lead: between(LIFT, severity)}
        if severity > 0.5 and lead + 1 < len(package.leads):
            part.lead_lift[lead + 1] = 0.6 * between(LIFT, severity)
    elif defect == 'bridge':
        _bridge(part, package, severity, rng)
    elif defect in ('too_little_solder', 'too_much_solder'):
        amount = between(STARVED if defect == 'too_little_solder' else DROWNED, severity)
        first = int(rng.integers(len(package.pads)))
        for pad in range(first, min(first + 1 + int(2 * severity), len(package.pads))):
            part.solder[pad] = amount
            part.spread[pad] *= 1.5 if defect == 'too_much_solder' else 0.6
    elif defect == 'wrong_value':
        others = [look for look in package.looks if look is not part.look]
        part.look = others[rng.integers(len(others))]


def _bridge(part: Assembly, package: Package, severity: float, rng: np.random.Generator) -> None:
    pads = np.asarray(package.pads)[:, :2]
    first = int(rng.integers(len(pads)))
    distance = np.sqrt(((pads - pads[first])**2).sum(1))
    distance[first] = np.inf
    part.bridges = [(first, int(distance.argmin()))]
    part.bridge_radius = between(STRAND, severity)
    if package.kind == 'chip':  # beside the body
        part.bridge_path = float(rng.choice((-1, 1))) * (package.half_v + part.bridge_radius)
    else:
        part.bridge_path = float(rng.uniform(-4, 4))


def add_to_surface(scene: Scene, site: Site, defect: str, severity: float, rng: np.random.Generator) -> None:
    """What lies on board and part, or is cut into them; other defects leave the scene as it is."""
    if defect == 'scratch':
        _scratch(scene, severity, rng)
    elif defect == 'foreign_matter':
        _foreign_matter(scene, severity, rng)


def _polyline(scene: Scene, start: tuple[float, float], heading: float, bend: float, length: float,
              radius: float) -> Array:
    """Signed distance to a bent line of eight pieces."""
    distance, (x, y) = np.full_like(scene.x, 1e3), start
    for _ in range(8):
        end = (x + float(np.cos(heading)) * length / 8, y + float(np.sin(heading)) * length / 8)
        np.minimum(distance, capsule(scene.x, scene.y, (x, y), end, radius), out=distance)
        (x, y), heading = end, heading + bend / 8
    return distance


def _somewhere(rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(-36, 36, 2).tolist()
    return x, y


def _scratch(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    length, heading = between(SCRATCH_LENGTH, severity), float(rng.uniform(0, 2 * np.pi))
    x, y = _somewhere(rng)
    start = (x - length / 2 * float(np.cos(heading)), y - length / 2 * float(np.sin(heading)))
    distance = _polyline(scene, start, heading, float(rng.normal(0, 0.3)), length,
                         between(SCRATCH_WIDTH, severity))
    cover = scene.cover(distance)
    bright = rng.random() < 0.7
    colour = (0.62, 0.58, 0.48) if bright else (0.02, 0.02, 0.02)
    scene.paint(cover * np.float32(between((0.55, 1.0), severity)), colour, metal=0.3 if bright else 0.0)
    scene.height -= np.float32(between((0.5, 1.5), severity)) * cover


def _foreign_matter(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    kind, (x, y), size = rng.choice(('fibre', 'crumb', 'ball')), _somewhere(rng), between(MATTER, severity)
    if kind == 'fibre':
        heading, bend = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(-3, 3))
        distance = _polyline(scene, (x, y), heading, bend, 7 * size, 0.9 + 0.12 * size)
        colour = FIBRES[rng.integers(len(FIBRES))]
        _lay(scene, distance, colour, 2.5)
    elif kind == 'crumb':
        u, v = scene.frame_of(scene.x, scene.y, x, y, float(rng.uniform(0, 180)))
        distance = box(u, v, 0, 0, size, size * rng.uniform(0.5, 1), 0.5)
        distance = np.maximum(distance, u + np.float32(0.7) * v - 0.9 * size)  # a corner is broken off
        colour = CRUMBS[rng.integers(len(CRUMBS))]
        _lay(scene, distance, colour, 0.5 * size)
    else:
        radius = 0.75 * size
        distance = disc(scene.x, scene.y, x, y, radius)
        dome = radius * np.sqrt(np.clip(1 - (1 + distance / radius)**2, 0, 1))
        _lay(scene, distance, SOLDER, dome, metal=0.95)


def _lay(scene: Scene, distance: Array, colour: tuple[float, ...], thickness: float | Array,
         metal: float = 0.0) -> None:
    scene.paint(scene.cover(distance), colour, metal=metal, gloss=0.2)
    scene.height += np.where(distance < 0, thickness * np.clip(-distance / 1.5, 0, 1), 0).astype(np.float32)
