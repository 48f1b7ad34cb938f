"""What an image file says of itself before it is decoded: its format, its size, and whether its end is
there.
"""

from __future__ import annotations

import struct

SIGNATURES = {
    'JPEG': (b'\xff\xd8\xff', ),
    'PNG': (b'\x89PNG\r\n\x1a\n', ),
    'BMP': (b'BM', ),
    'TIFF': (b'II*\0', b'MM\0*'),
    'WebP': (b'RIFF', ),
}
PNG_END = b'IEND\xaeB`\x82'
JPEG_START_OF_SCAN, JPEG_PROGRESSIVE = 0xda, 0xc2
JPEG_FRAMES = {*range(0xc0, 0xd0)} - {0xc4, 0xc8, 0xcc}  # start of frame, in all its variants
TIFF_TYPES = {3: 'H', 4: 'I'}
TIFF_WIDTH, TIFF_HEIGHT, TIFF_COMPRESSION = 256, 257, 259
NOT_COMPRESSED = 1


def image_format(data: bytes) -> str | None:
    """The format that a file's content begins with, a key of ``SIGNATURES`` or None."""
    return next((name for name, starts in SIGNATURES.items() if data.startswith(starts)), None)


def problem_of(data: bytes, max_pixels: int) -> str | None:
    """What is wrong with the content of an image file, as far as it shows without decoding; None: nothing."""
    if not data:
        return 'empty file (0 bytes)'
    kind = image_format(data)
    if kind is None:
        return f'not an image of the formats {", ".join(SIGNATURES)} (it begins with {data[:8]!r})'
    if kind == 'PNG' and not (data.endswith(PNG_END) or PNG_END in data):
        return f'cut off, a PNG without its end ({len(data)} bytes)'
    if kind == 'JPEG':
        scan, _, components, height, width = _jpeg_frame(data)
        if problem := _jpeg_problem(data, scan, components):
            return problem
    else:
        height, width = declared_size(data)
    if height * width > max_pixels:
        return (
            f'{width}×{height} pixels, more than the {max_pixels / 1e6:.0f} million that are decoded here: '
            'save it '
            'smaller, or raise max_pixels')
    return None


def declared_size(data: bytes) -> tuple[int, int]:
    """(height, width) that a file's head tells, without decoding; (0, 0) where it does not."""
    try:
        return _SIZES[image_format(data) or ''](data)
    except (struct.error, KeyError, IndexError):
        return 0, 0


def is_listened_to(data: bytes) -> bool:
    """Whether damage of a file shows in the decoder's warnings alone: progressive JPEG, compressed TIFF."""
    kind = image_format(data)
    if kind == 'JPEG':
        return _jpeg_frame(data)[1] == JPEG_PROGRESSIVE
    return kind == 'TIFF' and _tiff_tags(data).get(TIFF_COMPRESSION, NOT_COMPRESSED) != NOT_COMPRESSED


def _jpeg_problem(data: bytes, scan: int, components: int) -> str | None:
    """Decoders fill up a JPEG that lacks its end with grey, or take a zeroed tail for pixels: look for the
    end marker.

    It cannot occur inside a scan, but well in the thumbnail that a header holds: go from one header segment
        to the next.
    """
    if not (data.endswith(b'\xff\xd9') or data.find(b'\xff\xd9', scan) >= 0):
        return f'cut off, a JPEG without its end ({len(data)} bytes)'
    if components not in (1, 3):
        return f'a JPEG of {components} colour components (CMYK?), save it as RGB'
    return None


def _jpeg_frame(data: bytes) -> tuple[int, int, int, int, int]:
    """Where the first scan begins; marker, components, height and width of the frame."""
    position, frame = 2, (0, 3, 0, 0)
    while data[position:position + 1] == b'\xff':
        marker = data[position + 1] if position + 1 < len(data) else 0
        if marker == 0xff:  # padding
            position += 1
            continue
        if marker in JPEG_FRAMES:
            head = data[position + 4:position + 10].ljust(6, b'\0')
            frame = (marker, head[5], *struct.unpack('>HH', head[1:5]))
        if marker == JPEG_START_OF_SCAN:
            break
        position += 2 + int.from_bytes(data[position + 2:position + 4], 'big')
    return (position, *frame)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    return _jpeg_frame(data)[3:]


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack('>II', data[16:24])
    return height, width


def _bmp_size(data: bytes) -> tuple[int, int]:
    if struct.unpack('<I', data[14:18])[0] == 12:  # the header of OS/2
        width, height = struct.unpack('<HH', data[18:22])
    else:
        width, height = struct.unpack('<ii', data[18:26])
    return abs(height), abs(width)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b'VP8X':
        return int.from_bytes(data[27:30], 'little') + 1, int.from_bytes(data[24:27], 'little') + 1
    if kind == b'VP8L':
        bits = int.from_bytes(data[21:25], 'little')
        return (bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1
    width, height = struct.unpack('<HH', data[26:30])
    return height & 0x3fff, width & 0x3fff


def _tiff_size(data: bytes) -> tuple[int, int]:
    tags = _tiff_tags(data)
    return tags[TIFF_HEIGHT], tags[TIFF_WIDTH]


def _tiff_tags(data: bytes) -> dict[int, int]:
    """The single numbers in the first directory of a TIFF."""
    order = '<' if data.startswith(b'II') else '>'
    try:
        start, = struct.unpack_from(order + 'I', data, 4)
        count, = struct.unpack_from(order + 'H', data, start)
        tags = {}
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + 'HHI', data, place)
            if kind in TIFF_TYPES and number == 1:
                tags[tag], = struct.unpack_from(order + TIFF_TYPES[kind], data, place + 8)
        return tags
    except struct.error:
        return {}


_SIZES = {'JPEG': _jpeg_size, 'PNG': _png_size, 'BMP': _bmp_size, 'WebP': _webp_size, 'TIFF': _tiff_size}
