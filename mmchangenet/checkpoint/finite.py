"""Numbers that a checkpoint may hold: finite ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .reader import CheckpointError

SHOWN = 10


def check_finite(content: Mapping[Any, Any], source: str) -> None:
    """Refuse NaN and infinities: a network with one of them gives no score, or the same for every part.

    Args:
        content: tensors in nested containers.
        source: the file, for the message.

    Raises:
        CheckpointError: names the first ten tensors.
    """
    if names := non_finite(content):
        more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
        raise CheckpointError(f'{source} has values that are no finite numbers, in '
                              f'{", ".join(names[:SHOWN])}{more}. Take an '
                              'earlier checkpoint: the training that wrote this one had come apart')


def non_finite(content: Mapping[Any, Any]) -> list[str]:
    """The tensors with NaN or infinities in nested containers, as ``state.3.exp_avg``."""
    return [where for where, tensor in tensors_in(content)
            if (tensor.is_floating_point() or tensor.is_complex()) and not bool(torch.isfinite(tensor).all())]


def tensors_in(content: Any, where: str = '') -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in nested containers, with the keys that lead to it."""
    if isinstance(content, torch.Tensor):
        yield where, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from tensors_in(value, f'{where}.{key}' if where else str(key))
    elif isinstance(content, (list, tuple)):
        for number, value in enumerate(content):
            yield from tensors_in(value, f'{where}.{number}' if where else str(number))
