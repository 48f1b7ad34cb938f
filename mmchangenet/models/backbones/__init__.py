"""Encoders: (N, 3, H, W) → a tuple of feature maps."""

from .c_radio import CRADIO, CRADIOAdapter
from .dinov2 import DINOv2
from .dinov3 import DINOv3, DINOv3Adapter
from .fan import FAN
from .vit_adapter import ViTAdapter

__all__ = ['CRADIO', 'CRADIOAdapter', 'DINOv2', 'DINOv3', 'DINOv3Adapter', 'FAN', 'ViTAdapter']
