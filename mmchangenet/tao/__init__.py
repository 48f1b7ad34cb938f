"""Bridge from the Visual ChangeNet toolkit: its specs, commands and checkpoints."""

__all__ = ['SpecError', 'spec_to_config']


def __getattr__(name):
    """Import on demand: reading a checkpoint takes this package's names of weights, not its commands."""
    if name == 'spec_to_config':
        from .config import spec_to_config
        return spec_to_config
    if name == 'SpecError':
        from .spec import SpecError
        return SpecError
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
