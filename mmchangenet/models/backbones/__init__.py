"""Encoders: (N, 3, H, W) → a tuple of feature maps."""

from .dinov2 import DINOv2
from .fan import FAN
from .vit_adapter import ViTAdapter

__all__ = ['DINOv2', 'FAN', 'ViTAdapter']
