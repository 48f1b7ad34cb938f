"""Bridge from the Visual ChangeNet toolkit: its specs, commands and checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import spec_to_config
    from .spec import SpecError

__all__ = ['SpecError', 'spec_to_config']


def __getattr__(name: str) -> Any:
    """Import on demand: ``visual_changenet -h`` needs no torch."""
    if name == 'spec_to_config':
        from .config import spec_to_config
        return spec_to_config
    if name == 'SpecError':
        from .spec import SpecError
        return SpecError
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
