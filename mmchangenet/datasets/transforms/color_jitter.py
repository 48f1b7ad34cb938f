"""Paired colour jitter."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, PairedAugmentation, check_probability

# Added before rounding, it cuts the fraction off; the rest is above the rounding errors.
ROUND_DOWN = -0.5 + 2**-10


@TRANSFORMS.register_module()
class PairedColorJitter(PairedAugmentation):
    """Change brightness, contrast, saturation and hue of all lightings of both sides by the same factors, in
    a random order, as torchvision's ColorJitter does with Pillow images.

    Contrast spreads the colours about each image's own mean grey. Hue is turned in 8-bit HSV, as there.
    Differs by one grey level at most after each of the four.

    Args:
        brightness, contrast, saturation: the factor is drawn from [max(0, 1 - value), 1 + value].
        hue: at most 0.5; the shift, in turns of the colour circle, is drawn from [-hue, hue].
        prob: probability of changing anything.
    """

    def __init__(self, brightness: float = 0.3, contrast: float = 0.3, saturation: float = 0.3,
                 hue: float = 0.3, prob: float = 0.5) -> None:
        spreads = {'brightness': brightness, 'contrast': contrast, 'saturation': saturation, 'hue': hue}
        for name, spread in spreads.items():
            most = 0.5 if name == 'hue' else float('inf')
            if not 0 <= spread <= most:
                raise ValueError(f'{name}={spread!r} of PairedColorJitter must be from 0 to {most}')
        self.ranges: dict[str, tuple[float, float]] = {
            name: (max(0, 1 - spread), 1 + spread) for name, spread in spreads.items()}
        self.ranges['hue'] = (-hue, hue)
        self.prob = check_probability(prob, 'prob of PairedColorJitter')

    def draw(self, rng: np.random.Generator,
             size: tuple[int, int]) -> tuple[list[tuple[str, float]]] | None:
        """A list of (name, factor) in the order of their application."""
        if rng.random() >= self.prob:
            return None
        factors = [(name, rng.uniform(*span)) for name, span in self.ranges.items()]
        return ([factors[index] for index in rng.permutation(len(factors))], )

    def apply(self, images: Images, factors: list[tuple[str, float]]) -> Images:
        """See :class:`PairedAugmentation`."""
        stack = images.reshape(-1, *images.shape[-2:])  # one high image
        for name, factor in factors:
            if name == 'contrast':
                stack = adjust_contrast(stack, factor, len(stack) // images.shape[-3])
            elif factor != (0 if name == 'hue' else 1):
                stack = ADJUST[name](stack, factor)
        return stack.reshape(images.shape)


def _blend(base: Any, values: NDArray[np.float32], factor: float) -> Images:
    """Pillow's blend of grey levels: float32, the fraction cut off."""
    spread = np.float32(factor) * (values - np.float32(base))
    return np.clip(np.float32(base) + spread, 0, 255).astype(np.uint8)


def adjust_brightness(image: Images, factor: float) -> Images:
    """uint8 (h, w, 3), brighter by ``factor``."""
    return cv2.LUT(image, _blend(0, np.arange(256, dtype=np.float32), factor))


def adjust_contrast(image: Images, factor: float, count: int = 1) -> Images:
    """uint8 (count * h, w, 3), images one above the other: each spread by ``factor`` about its mean grey."""
    levels = np.arange(256, dtype=np.float32)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    adjusted = np.empty_like(image)
    means = np.array([[int(cv2.mean(part)[0] + 0.5)] for part in np.split(grey, count)])
    tables = _blend(means, levels, factor)
    for part, table, out in zip(np.split(image, count), tables, np.split(adjusted, count), strict=True):
        cv2.LUT(part, table, dst=out)
    return adjusted


def adjust_saturation(image: Images, factor: float) -> Images:
    """uint8 (h, w, 3), each pixel ``factor`` times as far from its grey."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, factor, grey, 1 - factor, ROUND_DOWN)


def adjust_hue(image: Images, shift: float) -> Images:
    """uint8 (h, w, 3), hue turned by ``shift`` turns, in 8-bit HSV with Pillow's rounding."""
    planes = cv2.split(image)
    value = cv2.max(cv2.max(planes[0], planes[1]), planes[2])
    # below the value; the first of them to be 0 says the sector
    red, green, blue = (value - plane for plane in planes)
    no_red, no_green = ((plane != 0).view(np.uint8) for plane in (red, green))
    minus, plus = red.copy(), green.copy()
    for sector, (first, second) in ((no_green ^ 1, (blue, red)), (no_red ^ 1, (green, blue))):
        cv2.copyTo(first, sector, minus)
        cv2.copyTo(second, sector, plus)
    sector = no_red + (no_red & no_green)
    hues, drops = _hsv_tables()
    hue = hues.take(cv2.merge([minus, plus, sector, np.zeros_like(sector)]).view('<i4')[..., 0], mode='clip')
    chroma_and_value = cv2.merge([cv2.max(minus, plus), value]).view('<u2')[..., 0]
    drop = drops.take(chroma_and_value, mode='clip')  # the fast mode
    # no product lies on the boundary of two grey levels, so that rounding it first is the same
    return cv2.merge([value - cv2.multiply(drop, cv2.LUT(hue, share), dtype=cv2.CV_8U)
                      for share in _shares(shift)])


@lru_cache(maxsize=1)
def _hsv_tables() -> tuple[Images, NDArray[np.float32]]:
    """Pillow's 8-bit hue by (sector, plus, minus); by (value, chroma), how far the least channel is below."""
    minus, plus = np.arange(256, dtype=np.float32), np.arange(256, dtype=np.float32)[:, None]
    chroma = np.maximum(np.maximum(minus, plus), 1)
    hues = []
    for sector in range(3):
        # Pillow reckons the first sector in floats, others in doubles; then all in doubles, kept as floats
        precision = np.float64 if sector else np.float32
        plus_share: NDArray[Any] = (plus / chroma).astype(precision)
        sextant = 2 * sector + plus_share - minus / chroma
        turn = np.fmod(sextant.astype(np.float32) / np.float64(6) + 1, 1).astype(np.float32)
        hues.append((turn * np.float64(255)).astype(np.uint8))
    chroma, value = np.arange(256, dtype=np.float32), np.maximum(np.arange(256, dtype=np.float32), 1)[:, None]
    saturation = np.floor(np.minimum(chroma / value, 1) * np.float64(255))
    return np.concatenate(hues, None), (value * saturation / 255).astype(np.float32).ravel()


@lru_cache(maxsize=64)
def _shares(shift: float) -> list[NDArray[np.float32]]:
    """For red, green, blue: share of the drop below the value, by 8-bit hue before the turn; (256,)."""
    hue = (np.arange(256) + int(shift * 255)) % 256
    turns = np.array([[0.], [-2.], [2.]]) + hue * 6 / 255  # sextants from the channel's own hue
    away = np.abs((turns + 3) % 6 - 3)
    return [np.ascontiguousarray(share) for share in np.clip(away - 1, 0, 1).astype(np.float32)]


ADJUST = {'brightness': adjust_brightness, 'saturation': adjust_saturation, 'hue': adjust_hue}
