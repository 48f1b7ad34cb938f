"""Heads: what the neck compared becomes a loss and a score."""

from .base_change_head import BaseChangeHead
from .change_cls_head import ChangeClsHead
from .contrastive_head import ContrastiveHead

__all__ = ['BaseChangeHead', 'ChangeClsHead', 'ContrastiveHead']
