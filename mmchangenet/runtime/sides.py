"""One side of a pair: from files or arrays to the image that the network takes, with the bytes of training's
pipeline.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmchangenet.imaging import ImageError, check_bytes, decode_image, lay_out, read_bytes, resize

from .settings import RuntimeSettings


class Side:
    """The images of one side, read but not yet decoded.

    Args:
        images: one image or a sequence of one per lighting, in the settings' order, or a dict of them by
            lighting. An image is a path, the bytes of an image file, or a uint8 array (h, w, 3) in RGB.
        settings: of the network.
        name: for messages: ``compare`` or ``golden``.

    Raises:
        ImageError: when there is not one image per lighting, a file cannot be read, or an array is not as
            described.
    """

    def __init__(self, images: Any, settings: RuntimeSettings, name: str) -> None:
        self._settings = settings
        self._images = [
            _Image(image, name, settings.max_pixels) for image in ordered(images, settings.lightings, name)
        ]

    def key(self) -> bytes:
        """A digest of the content of all images, which differs as soon as a byte or a size does."""
        digest = hashlib.blake2b(digest_size=16)
        for image in self._images:
            image.add_to(digest)
        return digest.digest()

    def laid_out(self) -> NDArray[np.uint8]:
        """The network's input: uint8 (3, H, W).

        Raises:
            ImageError: when an image cannot be decoded.
        """
        settings = self._settings
        images = [image.pixels() for image in self._images]
        if len({image.shape for image in images}) == 1:
            resized = resize(images, settings.image_size, settings.filter)
        else:
            resized = np.concatenate(
                [resize([image], settings.image_size, settings.filter) for image in images])
        return np.ascontiguousarray(lay_out(resized, settings.layout, settings.grid).transpose(2, 0, 1))


class _Image:
    """A file's content, or an array."""

    def __init__(self, image: Any, side: str, max_pixels: int) -> None:
        self._file: Any = None
        self._data: Any = image
        if isinstance(image, (str, os.PathLike)):
            self._file, self._data = image, read_bytes(image, max_pixels)
        elif isinstance(image, (bytes, bytearray, memoryview)):
            self._file, self._data = f'an image of the {side} side', bytes(image)
            check_bytes(self._data, self._file, max_pixels)
        else:
            check_array(image, side)

    def add_to(self, digest: Any) -> None:
        digest.update(repr(self._data.shape if self._file is None else len(self._data)).encode())
        digest.update(self._data if self._file is not None else np.ascontiguousarray(self._data))

    def pixels(self) -> NDArray[np.uint8]:
        return self._data if self._file is None else decode_image(self._data, self._file)


def check_array(image: Any, side: str) -> None:
    """
    Raises:
        ImageError: when an image that is no file is not a uint8 array (h, w, 3).
    """
    if (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
            and image.size):
        return
    what = f'{image.dtype} {image.shape}' if isinstance(image, np.ndarray) else type(image).__name__
    raise ImageError(
        f'the {side} side has an image that is {what}: give a path, the bytes of an image file, or a uint8 '
        'array (h, w, 3) in RGB')


def ordered(images: Any, names: tuple[str, ...] | None, side: str) -> list[Any]:
    """The images of a side as a list in the order of the lightings ``names``.

    Raises:
        ImageError: when there is not one per lighting.
    """
    if isinstance(images, dict):
        given, wanted = set(images), set(names or ())
        if given != wanted:
            missing, unknown = (sorted(map(str, part)) for part in (wanted - given, given - wanted))
            raise ImageError(f'the {side} side lacks the lightings {missing} and has unknown ones {unknown}; '
                             f'the network takes {list(names) if names else "one image without a name"}')
        return [images[name] for name in names or ()]
    images = list(images) if isinstance(images, (list, tuple)) else [images]
    count = len(names) if names else 1
    if len(images) != count:
        raise ImageError(f'the {side} side has {len(images)} images, but the network takes {count}' +
                         (f', one per lighting: {", ".join(names)}' if names else ''))
    return images
