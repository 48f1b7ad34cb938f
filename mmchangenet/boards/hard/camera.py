"""The cameras of the hard boards: the line changes its camera halfway."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmchangenet.boards.lighting import EXPOSURE
from mmchangenet.boards.scene import texture

CHANGE = 0.5  # when the second camera takes over, as a share of the time
FOCUS = (0.0, 0.9)  # units of blur that the board's warp adds
CLOUD = 0.04  # smooth brightness differences: flux film, haze


@dataclass(frozen=True)
class Camera:
    """A camera and its lens.

    Attributes:
        gamma: of its tone curve.
        balance: RGB gains.
        saturation: 1 keeps colours.
        blur: of the lens, units.
        noise: of reading, grey levels.
        fall_off: brightness lost towards the corners.
        sharpening: strength of its built-in sharpening.
    """

    gamma: float
    balance: tuple[float, float, float]
    saturation: float
    blur: float
    noise: float
    fall_off: float
    sharpening: float


CAMERAS = (
    Camera(1.8, (1.0, 1.0, 1.0), 1.0, 0.40, 1.5, 0.06, 0.0),
    Camera(2.1, (1.06, 1.0, 0.92), 0.85, 0.55, 2.2, 0.16, 0.5),
)


def camera_at(when: float) -> Camera:
    """The camera in use at a time, 0 to 1."""
    return CAMERAS[int(when >= CHANGE)]


def expose(radiance: NDArray[np.float32], light: str, gain: float, camera: Camera, focus: float,
           rng: np.random.Generator) -> NDArray[np.uint8]:
    """Take the picture.

    Args:
        radiance: (h, w, 3), RGB, linear.
        light: name of the light.
        gain: brightness of the light now.
        camera: the camera in use.
        focus: blur of this board, units.
        rng: draws what varies from shot to shot.

    Returns:
        (h, w, 3), RGB.
    """
    size = radiance.shape[0]
    scale = size / 128
    image = cv2.GaussianBlur(radiance, (0, 0), max(float(np.hypot(camera.blur, focus)) * scale, 0.2))
    if camera.sharpening:
        image = image + np.float32(camera.sharpening) * (image - cv2.GaussianBlur(image, (0, 0), 1.2 * scale))
    grey = image.mean(2, keepdims=True)
    image = np.float32(camera.saturation) * image + np.float32(1 - camera.saturation) * grey
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    slopes = rng.normal(0, 0.06, 2).tolist()
    evenness = 1 + slopes[0] * ramp[None, :] + slopes[1] * ramp[:, None]
    evenness = evenness - camera.fall_off * (ramp[None, :]**2 + ramp[:, None]**2)
    evenness += CLOUD * cv2.resize(texture(rng, (8, 8), 0.8), (size, size), interpolation=cv2.INTER_CUBIC)
    image = image * np.float32(EXPOSURE[light] * gain) * evenness[..., None].astype(np.float32)
    image = np.clip(image, 0, None)
    image = image**np.float32(1 / camera.gamma) * (255 * np.asarray(camera.balance)).astype(np.float32)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    image += grain * (np.float32(camera.noise) + 0.12 * np.sqrt(np.clip(image, 0, 255)))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
