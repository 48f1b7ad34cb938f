"""The surface of one patch of a board: what lies where, how high it stands and what it is made of."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

UNITS = 128.0  # a patch is 128 units wide whatever its size in pixels; all lengths of a drawing are in units
MASK_THICKNESS = 0.6

Array: TypeAlias = NDArray[Any]  # float32 (size, size), if nothing else is said
Colour: TypeAlias = tuple[float, ...] | Array  # RGB


def length(u: Array, v: Array) -> Array:
    """Length of vectors (``np.hypot`` minds overflow and takes several times as long)."""
    return np.sqrt(u * u + v * v)


def box(u: Array, v: Array, cu: float, cv: float, half_u: float, half_v: float, radius: float = 0.0) -> Array:
    """Signed distance (negative inside) to a rectangle with rounded corners, in units."""
    du = np.abs(u - cu) - (half_u - radius)
    dv = np.abs(v - cv) - (half_v - radius)
    outside = length(np.maximum(du, 0), np.maximum(dv, 0))
    return outside + np.minimum(np.maximum(du, dv), 0) - radius


def disc(u: Array, v: Array, cu: float, cv: float, radius: float) -> Array:
    """Signed distance to a disc, in units."""
    return length(u - cu, v - cv) - radius


def capsule(u: Array, v: Array, start: tuple[float, float], end: tuple[float, float], radius: float) -> Array:
    """Signed distance to a line with round ends, in units."""
    du, dv = end[0] - start[0], end[1] - start[1]
    along = np.clip(((u - start[0]) * du + (v - start[1]) * dv) / max(du * du + dv * dv, 1e-6), 0, 1)
    return length(u - start[0] - along * du, v - start[1] - along * dv) - radius


@lru_cache(maxsize=512)
def text_raster(text: str, thickness: int) -> Array:
    """White text on black, float32 in 0..1, cut to its ink with a margin of two pixels."""
    scale, font = 1.5, cv2.FONT_HERSHEY_SIMPLEX
    (width, height), baseline = cv2.getTextSize(text, font, scale, thickness)
    raster: Array = np.zeros((height + baseline + 24, width + 24), np.uint8)
    cv2.putText(raster, text, (12, height + 12), font, scale, 255, thickness, cv2.LINE_AA)
    rows, columns = np.flatnonzero(raster.any(1)), np.flatnonzero(raster.any(0))
    raster = raster[rows[0] - 2:rows[-1] + 3, columns[0] - 2:columns[-1] + 3]
    return cv2.GaussianBlur(raster, (0, 0), 0.8).astype(np.float32) / 255


def texture(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Array:
    """Smooth noise of zero mean and unit deviation, float32 (h, w); ``sigma`` is its grain in pixels."""
    noise: Array = rng.standard_normal(shape, dtype=np.float32)
    if sigma > 0:
        noise = cv2.GaussianBlur(noise, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def stable_seed(name: str) -> int:
    """A number that stands for a name in a random seed, the same in every process."""
    return zlib.crc32(name.encode())


class Scene:
    """Layers of a patch, all (size, size): painted one over the other, then lit.

    Attributes:
        height: float32, units above the laminate.
        albedo: float32 (size, size, 3), RGB reflectance in 0..1.
        metal: float32 in 0..1, how much of the surface is bare metal.
        gloss: float32 in 0..1, strength of the sheen of lacquer and plastic.
        ink: float32 in 0..1, coverage of a print that shows in the white light alone.
        ink_albedo: float32 (size, size, 3), colour of that print.

    Args:
        size: side in pixels.
        shift: where the board's origin is seen, in units right and down of the middle.
        turn: rotation of the board in the picture, degrees.
    """

    def __init__(self, size: int, shift: tuple[float, float] | Array = (0.0, 0.0), turn: float = 0.0) -> None:
        self.size = size
        self.scale = size / UNITS
        axis = ((np.arange(size, dtype=np.float32) + 0.5) / self.scale - UNITS / 2).astype(np.float32)
        self.x, self.y = self.frame_of(*np.meshgrid(axis, axis), shift[0], shift[1], turn)
        self.height = np.zeros((size, size), np.float32)
        self.albedo = np.zeros((size, size, 3), np.float32)
        self.metal = np.zeros((size, size), np.float32)
        self.gloss = np.zeros((size, size), np.float32)
        self.ink = np.zeros((size, size), np.float32)
        self.ink_albedo = np.ones((size, size, 3), np.float32)

    @staticmethod
    def frame_of(x: Array, y: Array, cx: float, cy: float, degrees: float) -> tuple[Array, Array]:
        """Coordinates ``x, y`` as seen from a frame at (cx, cy) turned clockwise by ``degrees``."""
        cosine, sine = np.float32(np.cos(np.deg2rad(degrees))), np.float32(np.sin(np.deg2rad(degrees)))
        x, y = x - np.float32(cx), y - np.float32(cy)
        return cosine * x + sine * y, cosine * y - sine * x

    def cover(self, distance: Array) -> Array:
        """Coverage in 0..1 of a shape given by its signed distance, antialiased over one pixel."""
        return np.clip(0.5 - distance * self.scale, 0, 1)

    def paint(self, cover: Array, albedo: Colour, metal: float = 0.0, gloss: float = 0.0) -> None:
        """Cover part of the surface with another material; print under it disappears."""
        rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
        if not len(rows):
            return
        part = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]  # most shapes are small
        cover, surface = cover[part], self.albedo[part]
        surface += cover[..., None] * (np.asarray(albedo, np.float32) - surface)
        self.metal[part] += cover * (metal - self.metal[part])
        self.gloss[part] += cover * (gloss - self.gloss[part])
        self.ink[part] *= 1 - cover

    def rise(self, height: Array) -> None:
        """Lift the surface to ``height`` where it is lower."""
        np.maximum(self.height, height, out=self.height)

    def block(self, distance: Array, top: float | Array, bevel: float = 2.5) -> None:
        """Lift a solid with bevelled edges; ``top`` is a number or an array of heights."""
        self.rise(np.where(distance < 0, top * np.clip(-distance / bevel, 0, 1), 0).astype(np.float32))

    def print_ink(self, cover: Array, albedo: Colour, strength: float = 1.0) -> None:
        """Print on what is there: seen well by the white light, faintly by the others."""
        layer = (cover > 0)[..., None]
        np.copyto(self.ink_albedo, np.asarray(albedo, np.float32), where=layer)
        np.maximum(self.ink, cover * strength, out=self.ink)

    def text_cover(self, u: Array, v: Array, text: str, cu: float, cv: float, half_u: float, half_v: float,
                   thickness: int = 4) -> Array:
        """Coverage of a text that fills the rectangle around (cu, cv) of a frame."""
        raster = text_raster(text, thickness)
        rows, columns = raster.shape
        at_x = (u - cu) / half_u * (columns / 2) + (columns - 1) / 2
        at_y = (v - cv) / half_v * (rows / 2) + (rows - 1) / 2
        return cv2.remap(raster, at_x.astype(np.float32), at_y.astype(np.float32), cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_CONSTANT, borderValue=0)
