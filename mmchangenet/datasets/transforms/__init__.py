"""From files to tensors: load, resize, augment, lay out and pack the lightings of both sides."""

from .augmentation import PairedAugmentation
from .color_jitter import PairedColorJitter
from .formatting import LayOutLightings, PackChangeInputs
from .gaussian_blur import PairedGaussianBlur
from .loading import LoadLightings
from .on_every_image import OnEveryImage
from .random_flip import PairedRandomFlip
from .random_resized_crop import PairedRandomResizedCrop
from .random_rotate import PairedRandomRotate
from .resize import PairedResize
from .synthetic_defect import SyntheticDefect

__all__ = [
    'LayOutLightings', 'LoadLightings', 'OnEveryImage', 'PackChangeInputs', 'PairedAugmentation',
    'PairedColorJitter', 'PairedGaussianBlur', 'PairedRandomFlip', 'PairedRandomResizedCrop',
    'PairedRandomRotate', 'PairedResize', 'SyntheticDefect'
]
