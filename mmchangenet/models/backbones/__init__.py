"""Encoders: (N, 3, H, W) → a tuple of feature maps."""

from .fan import FAN

__all__ = ['FAN']
