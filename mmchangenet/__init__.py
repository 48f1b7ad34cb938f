"""Golden-versus-compare visual inspection for OpenMMLab.

Importing the package loads nothing heavy: a line's computer that only scores exported networks needs
neither torch nor OpenMMLab. The components register themselves when ``mmchangenet.registry`` is used.
"""

from .version import __version__

__all__ = ['__version__']
