"""Checkpoints in plain content: tensors, numbers, strings and containers of them, written whole or not at
all.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from mmchangenet.files import replacing


class CheckpointNotWritten(OSError):
    """A checkpoint could not be written; the file that was there is as it was."""


def write_checkpoint(checkpoint: dict[Any, Any], path: str | os.PathLike[str]) -> None:
    """Save a checkpoint that ``torch.load(weights_only=True)`` reads with nothing allow-listed.

    Args:
        checkpoint: tensors, numbers, strings and containers of them. numpy's numbers and arrays become plain
            numbers and tensors. What is none of this is left out with a warning.
        path: local file.

    Raises:
        CheckpointNotWritten: when the disk is full or does not take it.
    """
    content, dropped = plain(checkpoint)
    if dropped:
        print_log(f'{path} is written without {", ".join(dropped)}: checkpoints hold tensors, numbers and '
                  'strings',
                  'current', logging.WARNING)
    try:
        with replacing(path) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:  # torch hides what the system said in errors of its own
        raise CheckpointNotWritten(f'{path} cannot be written: {_reason(error, path)}. What was there '
                                   'before is as it was; make '
                                   'room, then go on with --resume') from error


def _reason(error: BaseException, path: str | os.PathLike[str]) -> str:
    told: BaseException | None = error
    while told is not None and not isinstance(told, OSError):
        told = told.__cause__ or told.__context__
    folder = Path(path).absolute().parent
    free = f' ({shutil.disk_usage(folder).free >> 20} MiB are free in {folder})' if folder.is_dir() else ''
    return f'{(told or error)}'.split('\n', 1)[0] + free


def plain(value: Any) -> tuple[Any, list[str]]:
    """The same content in tensors, numbers, strings, lists, tuples and dicts.

    Returns:
        the content, and what had to be left out, as ``where (what)``.
    """
    dropped: list[str] = []
    return _plain(value, '', dropped), dropped


_DROPPED = object()


def _plain(value: Any, where: str, dropped: list[str]) -> Any:
    if value is None or type(value) in (bool, int, float, complex, str, bytes, torch.dtype, torch.Size,
                                        torch.device):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        fresh: Any = OrderedDict() if isinstance(value, OrderedDict) else {}
        for key, item in value.items():
            key, item = (_plain(part, f'{where}[{key!r}]' if where else str(key), dropped)
                         for part in (key, item))
            if key is not _DROPPED and item is not _DROPPED:
                fresh[key] = item
        if hasattr(value, '_metadata'):  # the versions of a state dict's modules
            fresh._metadata = _plain(value._metadata, f'{where}._metadata', dropped)
        return fresh
    if isinstance(value, (list, tuple)):
        items = [_plain(item, f'{where}[{number}]', dropped) for number, item in enumerate(value)]
        items = [None if item is _DROPPED else item for item in items]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, (set, frozenset)):
        return _plain(sorted(value, key=repr), where, dropped)
    if isinstance(value, np.generic):
        return _plain(value.item(), where, dropped)
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in 'biuf' or value.dtype.itemsize > 8:
            return _plain(value.tolist(), where, dropped)
        return torch.from_numpy(value.astype(value.dtype.newbyteorder('=')))
    kinds: tuple[type[Any], ...] = (bool, int, float, str, bytes)
    for kind in kinds:  # subclasses
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Path):
        return str(value)
    dropped.append(f'{where or "the whole"} ({type(value).__name__})')
    return _DROPPED
