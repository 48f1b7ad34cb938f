"""The optimizers of a training."""

from __future__ import annotations

from mmengine.optim import OptimWrapper, OptimWrapperDict


def wrappers_of(optim_wrapper: OptimWrapper | OptimWrapperDict) -> list[OptimWrapper]:
    """The optimizers of a training, mostly one."""
    return list(optim_wrapper.values()) if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]
