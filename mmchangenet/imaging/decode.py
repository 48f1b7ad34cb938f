"""Image files to RGB pixels: whole or not at all, the same pixels whatever decoder."""

import os

import cv2
import numpy as np

SIGNATURES = {
    'JPEG': (b'\xff\xd8\xff', ),
    'PNG': (b'\x89PNG\r\n\x1a\n', ),
    'BMP': (b'BM', ),
    'TIFF': (b'II*\0', b'MM\0*'),
    'WebP': (b'RIFF', ),
}
PNG_END = b'IEND\xaeB`\x82'
JPEG_START_OF_SCAN = 0xda
JPEG_FRAMES = {*range(0xc0, 0xd0)} - {0xc4, 0xc8, 0xcc}  # start of frame, in all its variants
STRAIGHT_TO_RGB = getattr(cv2, 'IMREAD_COLOR_RGB', None)  # since OpenCV 4.11
TO_RGB = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}


class ImageError(Exception):
    """An image cannot be read; the message names the file and says why."""


def read_image(file):
    """Read an image file with OpenCV.

    Grey, palette and 1-bit images become RGB, 16-bit values are divided by 257 and rounded, an alpha channel is left out and an
    EXIF orientation is not followed.

    Args:
        file (str | Path): a JPEG, PNG, BMP, TIFF or WebP file.

    Returns:
        np.ndarray: uint8 RGB, (h, w, 3).

    Raises:
        ImageError: the file is missing, empty, cut off, damaged, or of a kind whose colours are not certain.
    """
    return decode_image(read_bytes(file), file)


def read_bytes(file):
    """Read an image file and check that it is whole.

    Args:
        file (str | Path): as for :func:`read_image`.

    Returns:
        bytes: the file's content.

    Raises:
        ImageError: as :func:`read_image` says, as far as it shows without decoding.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, 'O_BINARY', 0))  # half the time of open()
        try:
            data = os.read(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ImageError(f'{file}: {error.strerror or error}') from error
    problem = _problem(data)
    if problem:
        raise ImageError(f'{file}: {problem}')
    return data


def decode_image(data, file):
    """Decode the content of an image file with OpenCV.

    Args:
        data (bytes): what :func:`read_bytes` gave.
        file (str | Path): for the message of an error.

    Returns:
        np.ndarray: uint8 RGB, (h, w, 3), as :func:`read_image` describes.

    Raises:
        ImageError: the content cannot be decoded or has unusual colours.
    """
    straight = STRAIGHT_TO_RGB is not None and image_format(data) == 'JPEG'  # always 8-bit and grey or RGB
    flags = STRAIGHT_TO_RGB | cv2.IMREAD_IGNORE_ORIENTATION if straight else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f'{file}: damaged, OpenCV cannot decode it ({error.err})') from error
    if image is None:
        raise ImageError(f'{file}: damaged or cut off after {len(data)} bytes, OpenCV cannot decode it')
    if straight:
        return image
    if image.dtype == np.uint16:
        image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if image.dtype != np.uint8 or channels not in TO_RGB or (channels == 4 and image_format(data) == 'TIFF'):
        raise ImageError(f'{file}: pixels of {channels} x {image.dtype} are not supported here, save it as an 8-bit RGB PNG')
    return cv2.cvtColor(image, TO_RGB[channels])


def image_format(data):
    """Name the format that a file's content begins with, a key of ``SIGNATURES`` or None."""
    return next((name for name, starts in SIGNATURES.items() if data.startswith(starts)), None)


def _problem(data):
    """What is wrong with the content of an image file, or None."""
    if not data:
        return 'empty file (0 bytes)'
    format = image_format(data)
    if format is None:
        return f'not an image of the formats {", ".join(SIGNATURES)} (it begins with {data[:8]!r})'
    if format == 'PNG' and not (data.endswith(PNG_END) or PNG_END in data):
        return f'cut off, a PNG without its end ({len(data)} bytes)'
    if format == 'JPEG':
        return _jpeg_problem(data)
    return None


def _jpeg_problem(data):
    """Decoders fill up a JPEG that lacks its end with grey, or take a zeroed tail for pixels: look for the end marker.

    It cannot occur inside a scan, but well in the thumbnail that a header holds: go from one header segment to the next.
    """
    position, components = 2, 3
    while data[position:position + 1] == b'\xff':
        marker = data[position + 1] if position + 1 < len(data) else 0
        if marker == 0xff:  # padding
            position += 1
            continue
        if marker in JPEG_FRAMES:
            components = data[position + 9] if position + 9 < len(data) else 0
        if marker == JPEG_START_OF_SCAN:
            break
        position += 2 + int.from_bytes(data[position + 2:position + 4], 'big')
    if not (data.endswith(b'\xff\xd9') or data.find(b'\xff\xd9', position) >= 0):
        return f'cut off, a JPEG without its end ({len(data)} bytes)'
    if components not in (1, 3):
        return f'a JPEG of {components} colour components (CMYK?), save it as RGB'
    return None
