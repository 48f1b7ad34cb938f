"""What differs between two shots of the same thing: exposure, colour balance, evenness, focus, noise."""

from __future__ import annotations

import cv2
import numpy as np

from mmchangenet.boards.lighting import EXPOSURE
from mmchangenet.boards.scene import Array, texture

GAMMA = 1.8

GAIN = 0.24  # deviation of the log of a light's brightness, shot to shot
BALANCE = 0.025  # the same of each colour
OFFSET = 6.0  # grey levels
FALL_OFF = 0.14  # deviation of the brightness at the border against the middle
FOCUS = (0.35, 0.85)  # blur, units
READ_NOISE = (1.0, 2.5)  # grey levels
CLOUD = 0.05  # smooth brightness differences (flux film, breath of the lamp)


def expose(radiance: Array, light: str, rng: np.random.Generator) -> Array:
    """Take the picture.

    Args:
        radiance: float32 (h, w, 3), RGB, linear.
        light: name of the light.
        rng: draws everything that varies.

    Returns:
        uint8 (h, w, 3), RGB.
    """
    size = radiance.shape[0]
    scale = size / 128
    gain = np.exp(rng.normal(0, GAIN)) * np.exp(rng.normal(0, BALANCE, 3))
    offset, noise, blur = rng.normal(0, OFFSET), rng.uniform(*READ_NOISE), rng.uniform(*FOCUS) * scale
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    slope_x, slope_y = rng.normal(0, FALL_OFF, 2).tolist()
    evenness = 1 + slope_x * ramp[None, :] + slope_y * ramp[:, None]
    evenness += CLOUD * cv2.resize(texture(rng, (8, 8), 0.8), (size, size), interpolation=cv2.INTER_CUBIC)
    image = cv2.GaussianBlur(radiance, (0, 0), max(blur, 0.2))
    image = np.clip(image * EXPOSURE[light], 0, None)**np.float32(1 / GAMMA)
    image *= (255 * gain).astype(np.float32)
    image *= evenness[..., None].astype(np.float32)
    image += np.float32(offset)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    image += grain * (np.float32(noise) + 0.12 * np.sqrt(np.clip(image, 0, 255)))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
