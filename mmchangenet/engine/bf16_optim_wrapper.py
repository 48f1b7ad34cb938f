"""Mixed precision on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import nn

from mmchangenet.registry import OPTIM_WRAPPERS

ONLY_ON_GPU = ('loss_scale', 'dtype', 'use_fsdp')  # settings of AmpOptimWrapper


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """What ``AmpOptimWrapper`` is on a GPU: the forward pass in bfloat16 where that is safe. Losses need no
    scaling.

    ``ChangeRunner`` uses it for ``AmpOptimWrapper`` when there is no GPU. Arguments are those of
    ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast around the forward pass."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield


def for_cpu(config: dict[str, Any]) -> dict[str, Any]:
    """An optim_wrapper config with ``Bf16OptimWrapper`` in place of ``AmpOptimWrapper``; any other as it is.

    Raises:
        ValueError: when it asks for another type than bfloat16.
    """
    if str(config.get('type')).rpartition('.')[2] != 'AmpOptimWrapper':
        return config
    dtype = str(config.get('dtype') or 'bfloat16')
    if not dtype.endswith('bfloat16'):
        raise ValueError(f'mixed precision on the CPU is bfloat16; optim_wrapper.dtype {dtype} needs a GPU')
    print_log('no GPU: mixed precision is bfloat16 on the CPU', 'current')
    rest = {key: value for key, value in config.items() if key not in ONLY_ON_GPU}
    return dict(rest, type='mmchangenet.Bf16OptimWrapper')
