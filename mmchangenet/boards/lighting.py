"""How the four lights of an inspection machine see a scene.

The camera looks straight down. A metal facet of slope t sends it the light that falls in at 2t from the
vertical, so a ring of lamps shows up on those slopes of solder that match it; everything else scatters light
in proportion to its colour.
"""

from __future__ import annotations

import cv2
import numpy as np

from .scene import Array, Scene, length

LIGHTS = ('LowAngleLight', 'SolderLight', 'UniformLight', 'WhiteLight')

# How well each light shows a thin print on a package (laser marking, stamped ink).
PRINT_VISIBILITY = dict(LowAngleLight=0.06, SolderLight=0.08, UniformLight=0.10, WhiteLight=1.0)

# Exposure of each light: a bright package nearly fills the range.
EXPOSURE = dict(LowAngleLight=1.15, SolderLight=0.85, UniformLight=0.95, WhiteLight=1.05)

# LowAngleLight: four bars around the board, (towards x, towards y, power), this far above the horizon.
BARS = ((-1, 0, 1.0), (0, -1, 0.75), (1, 0, 0.30), (0, 1, 0.20))
BAR_ELEVATION = np.deg2rad(24.0)
SHADOW_REACH, SHADOW_STEP = 40.0, 3.0  # units

# SolderLight: rings of red, green and blue lamps from the top down: the slope that each shows on solder,
# and the width, in degrees.
RINGS = ((4.0, 14.0), (23.0, 12.0), (42.0, 15.0))


def lobe(tilt: Array, centre: float, width: float) -> Array:
    """Response of metal of slope ``tilt`` to lamps seen at slope ``centre``; degrees."""
    return np.exp(-((tilt - centre) / width)**2)


def slopes(scene: Scene) -> tuple[Array, Array]:
    """Height gradient (rise to the right, rise downwards), units per unit."""
    scale = scene.scale / 8
    return (cv2.Sobel(scene.height, cv2.CV_32F, 1, 0, ksize=3, scale=scale, borderType=cv2.BORDER_REFLECT),
            cv2.Sobel(scene.height, cv2.CV_32F, 0, 1, ksize=3, scale=scale, borderType=cv2.BORDER_REFLECT))


def shifted(image: Array, dx: int, dy: int) -> Array:
    """``image`` read ``dx`` columns further right and ``dy`` rows further down, the border repeated."""
    height, width = image.shape
    padded = cv2.copyMakeBorder(image, max(-dy, 0), max(dy, 0), max(-dx, 0), max(dx, 0), cv2.BORDER_REPLICATE)
    top, left = max(dy, 0), max(dx, 0)
    return padded[top:top + height, left:left + width]


def sunlit(scene: Scene, dx: int, dy: int) -> Array:
    """Share in 0..1 of a bar's light that nothing taller stands in the way of."""
    blocked = np.zeros_like(scene.height)
    for distance in np.arange(SHADOW_STEP, SHADOW_REACH, SHADOW_STEP):
        pixels = max(round(distance * scene.scale), 1)
        climb = pixels / scene.scale * np.tan(BAR_ELEVATION)
        np.maximum(blocked, shifted(scene.height, dx * pixels, dy * pixels) - climb, out=blocked)
    return 1 - np.clip((blocked - scene.height) / 2.0, 0, 1)


def shade(scene: Scene) -> dict[str, Array]:
    """The light that reaches the camera under each lamp.

    Args:
        scene: the surface.

    Returns:
        name of the light → float32 (size, size, 3), RGB, linear, about 0..1.
    """
    right, down = slopes(scene)
    steepness = length(right, down)
    tilt = np.rad2deg(np.arctan(steepness))
    upright = 1 / np.sqrt(1 + steepness * steepness)
    dull = 1 - scene.metal
    around = cv2.GaussianBlur(scene.height, (0, 0), 5 * scene.scale, borderType=cv2.BORDER_REFLECT)
    open_sky = 1 - np.clip((around - scene.height) / 40, 0, 0.45)

    def mixed(name: str, diffuse: Array, specular: Array) -> Array:
        visible = (scene.ink * PRINT_VISIBILITY[name])[..., None]
        colour = scene.albedo + visible * (scene.ink_albedo - scene.albedo)
        if specular.ndim == 2:
            specular = specular[..., None]
        return colour * (dull * diffuse)[..., None] + scene.albedo * scene.metal[..., None] * specular

    low = np.zeros_like(scene.height)
    glint = np.zeros_like(scene.height)
    for dx, dy, power in BARS:
        facing = np.clip((np.sin(BAR_ELEVATION) - np.cos(BAR_ELEVATION) * (dx * right + dy * down)) * upright,
                         0, None)
        light = power * sunlit(scene, dx, dy)
        low += light * facing
        toward = -(dx * right + dy * down) / np.maximum(steepness, 1e-3)
        glint += light * np.clip(toward, 0, 1)**2 * lobe(tilt, 33.0, 14.0)

    rings = np.stack([lobe(tilt, centre, width) for centre, width in RINGS], -1)
    sheen = scene.gloss * lobe(tilt, 0.0, 10.0)
    return dict(
        LowAngleLight=mixed('LowAngleLight', 0.85 * low, 0.10 * low + 0.9 * glint),
        SolderLight=mixed('SolderLight', 0.30 * upright * open_sky, 0.06 + 0.75 * rings)
        + 0.05 * sheen[..., None],
        UniformLight=mixed('UniformLight', (0.80 + 0.2 * upright) * open_sky,
                           (0.36 + 0.30 * upright) * open_sky),
        WhiteLight=mixed('WhiteLight', 0.75 * upright * np.sqrt(upright), 0.85 * lobe(tilt, 0.0, 48.0))
        + 0.10 * sheen[..., None],
    )
