"""Heads: what the neck compared becomes a loss and a score."""

from .change_cls_head import ChangeClsHead
from .contrastive_head import ContrastiveHead

__all__ = ['ChangeClsHead', 'ContrastiveHead']
