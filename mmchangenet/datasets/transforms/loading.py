"""Reading the lightings of both sides."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
from mmcv.transforms import BaseTransform

from mmchangenet.imaging import ImageError, decode_image, image_format, read_bytes
from mmchangenet.registry import TRANSFORMS

from .augmentation import Images, Results

PILLOW_MODES = ('1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA')


def decode_with_pillow(data: bytes, file: str) -> Images:
    """:func:`mmchangenet.imaging.decode_image` by Pillow: the same arguments, pixels and errors.

    Pillow cuts 16-bit values to their high byte in most modes, so those images are left to OpenCV.
    """
    try:
        image = PIL.Image.open(io.BytesIO(data))
        if ';16' in str(image.tile):  # the raw mode, such as RGB;16B
            return decode_image(data, file)
        alpha_in_tiff = image.mode == 'RGBA' and image_format(data) == 'TIFF'
        if image.mode not in PILLOW_MODES or alpha_in_tiff:
            raise ImageError(f'{file}: pixels of mode {image.mode} are not supported here, save it as an '
                             '8-bit RGB PNG')
        image.load()
        image.info.pop('transparency', None)
        return np.array(image.convert('RGB'))
    except (OSError, SyntaxError, ValueError, EOFError, PIL.Image.DecompressionBombError) as error:
        raise ImageError(f'{file}: damaged, Pillow cannot decode it ({error})') from error


DECODERS = {'cv2': decode_image, 'pillow': decode_with_pillow}


@TRANSFORMS.register_module()
class LoadLightings(BaseTransform):
    """Read every lighting of both sides.

    Grey, palette and 1-bit images become RGB, 16-bit values are divided by 257 and rounded, an alpha channel
    is left out and an EXIF orientation is not followed (a TIFF's own is).

    Required keys: compare_files, golden_files, and optionally blank: when true, nothing is read and all
    images are black.

    Added keys: images, a list of 2L uint8 RGB arrays (h, w, 3), the compare side first. Sizes may differ.

    Args:
        backend: ``'cv2'``, or ``'pillow'``, which is slower and gives the same pixels as long as both
            were built with a libjpeg of the same arithmetic.

    Raises:
        ImageError: (when called) a file is missing, cut off or damaged.
    """

    def __init__(self, backend: str = 'cv2') -> None:
        if backend not in DECODERS:
            raise ValueError(f'backend={backend!r} of LoadLightings is unknown, use one of {tuple(DECODERS)}')
        self.decode = DECODERS[backend]

    def transform(self, results: Results) -> Results:
        """Read the files."""
        files = [*results['compare_files'], *results['golden_files']]
        if results.get('blank'):
            results['images'] = [np.zeros((1, 1, 3), np.uint8) for _ in files]
        else:
            results['images'] = [self.decode(read_bytes(file), file) for file in files]
        return results
