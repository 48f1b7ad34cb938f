"""Decoding, resizing and layout in numpy and OpenCV alone: training and the runtime share these."""

from .decode import MAX_PIXELS, ImageError, check_bytes, decode_image, read_bytes, read_image
from .file_format import image_format
from .layout import LAYOUTS, check_layout, lay_out
from .resize import FILTERS, check_pair, resize

__all__ = [
    'FILTERS', 'LAYOUTS', 'MAX_PIXELS', 'ImageError', 'check_bytes', 'check_layout', 'check_pair',
    'decode_image', 'image_format', 'lay_out', 'read_bytes', 'read_image', 'resize'
]
