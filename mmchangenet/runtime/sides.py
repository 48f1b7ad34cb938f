"""One side of a pair: from files or arrays to the image that the network takes, with the bytes of training's pipeline."""

import hashlib
import os

import numpy as np

from mmchangenet.imaging import ImageError, decode_image, lay_out, read_bytes, resize


class Side:
    """The images of one side, read but not yet decoded.

    Args:
        images: one image or a sequence of one a lighting, in the settings' order, or a dict of them by lighting. An image is a
            path, or a uint8 array (h, w, 3) in RGB.
        settings (RuntimeSettings): of the network.
        name (str): for messages: ``compare`` or ``golden``.

    Raises:
        ImageError: when there is not one image a lighting, a file cannot be read, or an array is not as described.
    """

    def __init__(self, images, settings, name):
        self._settings = settings
        self._images = [_Image(image, name) for image in _ordered(images, settings, name)]

    def key(self):
        """A digest of the content of all images, which differs as soon as a byte or a size does."""
        digest = hashlib.blake2b(digest_size=16)
        for image in self._images:
            image.add_to(digest)
        return digest.digest()

    def laid_out(self):
        """The network's input: uint8 (3, H, W).

        Raises:
            ImageError: when an image cannot be decoded.
        """
        settings = self._settings
        images = [image.pixels() for image in self._images]
        if len({image.shape for image in images}) == 1:
            resized = resize(images, settings.image_size, settings.filter)
        else:
            resized = np.concatenate([resize([image], settings.image_size, settings.filter) for image in images])
        return np.ascontiguousarray(lay_out(resized, settings.layout, settings.grid).transpose(2, 0, 1))


class _Image:
    """A file's content, or an array."""

    def __init__(self, image, side):
        if isinstance(image, (str, os.PathLike)):
            self._file, self._data = image, read_bytes(image)
        elif isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            self._file, self._data = None, image
        else:
            what = f'{image.dtype} {image.shape}' if isinstance(image, np.ndarray) else type(image).__name__
            raise ImageError(f'the {side} side has an image that is {what}: give a path, or a uint8 array (h, w, 3) in RGB')

    def add_to(self, digest):
        digest.update(repr(self._data.shape if self._file is None else len(self._data)).encode())
        digest.update(self._data if self._file is not None else np.ascontiguousarray(self._data))

    def pixels(self):
        return self._data if self._file is None else decode_image(self._data, self._file)


def _ordered(images, settings, side):
    """The images of a side as a list in the order of the lightings."""
    names = settings.lightings
    if isinstance(images, dict):
        given, wanted = set(images), set(names or ())
        if given != wanted:
            missing, unknown = (sorted(map(str, part)) for part in (wanted - given, given - wanted))
            raise ImageError(f'the {side} side lacks the lightings {missing} and has unknown ones {unknown}; '
                             f'the network takes {list(names) if names else "one image without a name"}')
        return [images[name] for name in names]
    images = list(images) if isinstance(images, (list, tuple)) else [images]
    if len(images) != settings.num_lightings:
        raise ImageError(f'the {side} side has {len(images)} images, but the network takes {settings.num_lightings}' +
                         (f', one a lighting: {", ".join(names)}' if names else ''))
    return images
