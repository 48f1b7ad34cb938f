"""Image files to RGB pixels: whole or not at all, the same pixels whatever decoder."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .file_format import image_format, is_listened_to, problem_of

MAX_PIXELS = 1 << 27  # 400 MB decoded
STRAIGHT_TO_RGB: Any = getattr(cv2, 'IMREAD_COLOR_RGB', None)  # since OpenCV 4.11
TO_RGB = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}
FILLED_UP = 128  # the grey that libjpeg puts where data is missing
COMPLAINTS = ('Corrupt JPEG data', 'Premature end', 'TIFF_Error')
_LISTENING = threading.Lock()

Image = NDArray[np.uint8]
Path = str | os.PathLike[str]


class ImageError(Exception):
    """An image cannot be read; the message names the file and says why."""


def read_image(file: Path) -> Image:
    """Read an image file with OpenCV.

    Grey, palette and 1-bit images become RGB, 16-bit values are divided by 257 and rounded, an alpha channel
    is left out and an EXIF orientation is not followed (that of a TIFF is: it is part of how its rows are
    stored).

    Args:
        file: a JPEG, PNG, BMP, TIFF or WebP file.

    Returns:
        uint8 RGB, (h, w, 3).

    Raises:
        ImageError: the file is missing, empty, cut off, damaged, too large, or of a kind whose colours are
            not certain.
    """
    return decode_image(read_bytes(file), file)


def read_bytes(file: Path, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read an image file and check that it is whole.

    Args:
        file: as for :func:`read_image`.
        max_pixels: height times width that are accepted; looked at before anything is decoded.

    Returns:
        the file's content.

    Raises:
        ImageError: as :func:`read_image` says, as far as it shows without decoding.
    """
    try:  # half the time of open(); without waiting, which a pipe would make it do
        descriptor = os.open(file, os.O_RDONLY | getattr(os, 'O_BINARY', 0) | getattr(os, 'O_NONBLOCK', 0))
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise ImageError(f'{file}: no regular file')
            data = os.read(descriptor, state.st_size)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise ImageError(f'{file}: {getattr(error, "strerror", None) or error}') from error
    check_bytes(data, file, max_pixels)
    return data


def check_bytes(data: bytes, file: Path, max_pixels: int = MAX_PIXELS) -> None:
    """Check the content of an image file without decoding it.

    Raises:
        ImageError: it is empty, cut off, too large or no image; ``file`` is named.
    """
    problem = problem_of(data, max_pixels)
    if problem:
        raise ImageError(f'{file}: {problem}')


def decode_image(data: bytes, file: Path) -> Image:
    """Decode the content of an image file with OpenCV.

    Args:
        data: what :func:`read_bytes` gave.
        file: for the message of an error.

    Returns:
        uint8 RGB, (h, w, 3), as :func:`read_image` describes.

    Raises:
        ImageError: the content cannot be decoded, the decoder had to make up a part of it, or it has unusual
            colours.
    """
    kind = image_format(data)
    straight = STRAIGHT_TO_RGB is not None and kind == 'JPEG'  # always 8-bit and grey or RGB
    flags = STRAIGHT_TO_RGB | cv2.IMREAD_IGNORE_ORIENTATION if straight else cv2.IMREAD_UNCHANGED
    listens = is_listened_to(data)
    image = _decoded(data, file, flags, listens)
    if kind == 'JPEG' and not listens and (image[-8:, -8:] == FILLED_UP).all():
        _decoded(data, file, flags, listens=True)
    if straight:
        return image
    if image.dtype == np.uint16:
        image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if image.dtype != np.uint8 or channels not in TO_RGB or (channels == 4 and kind == 'TIFF'):
        raise ImageError(
            f'{file}: pixels of {channels} x {image.dtype} are not supported here, save it as an 8-bit RGB '
            'PNG'
        )
    return cv2.cvtColor(image, TO_RGB[channels])


def _decoded(data: bytes, file: Path, flags: int, listens: bool) -> Any:
    heard: list[str] = []
    try:
        if listens:
            with _listening_to_decoders(heard):
                image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        else:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f'{file}: damaged, OpenCV cannot decode it ({error.err})') from error
    if image is None:
        raise ImageError(f'{file}: damaged or cut off after {len(data)} bytes, OpenCV cannot decode it')
    if heard:
        raise ImageError(f'{file}: damaged, the decoder made up a part of it ({heard[0]})')
    return image


@contextmanager
def _listening_to_decoders(heard: list[str]) -> Iterator[None]:
    """Collect what libjpeg and libtiff complain of: they tell nobody but the standard error stream.

    The stream is the process's, so one thread at a time; what others write meanwhile is passed on afterwards.
    """
    with _LISTENING, tempfile.TemporaryFile() as captured:
        sys.stderr.flush()
        original = os.dup(2)
        try:
            os.dup2(captured.fileno(), 2)
            yield
        finally:
            os.dup2(original, 2)
            captured.seek(0)
            lines = captured.read().decode(errors='replace').splitlines(keepends=True)
            heard += [line.strip() for line in lines if any(complaint in line for complaint in COMPLAINTS)]
            if others := ''.join(line for line in lines
                                 if not any(word in line for word in (*COMPLAINTS, 'LZWDecode'))):
                os.write(original, others.encode())
            os.close(original)
