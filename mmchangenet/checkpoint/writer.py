"""Checkpoints in plain content: tensors, numbers, strings and containers of them, written whole or not at all."""

import logging
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log

from mmchangenet.files import replacing


def write_checkpoint(checkpoint, path):
    """Save a checkpoint that ``torch.load(weights_only=True)`` reads with nothing allow-listed.

    Args:
        checkpoint (dict): tensors, numbers, strings and containers of them. numpy's numbers and arrays become plain
            numbers and tensors. What is none of this is left out with a warning.
        path (str | Path): local file.
    """
    content, dropped = plain(checkpoint)
    if dropped:
        print_log(f'{path} is written without {", ".join(dropped)}: checkpoints hold tensors, numbers and strings',
                  'current', logging.WARNING)
    with replacing(path) as file:
        torch.save(content, file)


def plain(value):
    """The same content in tensors, numbers, strings, lists, tuples and dicts.

    Returns:
        tuple[Any, list[str]]: the content, and what had to be left out, as ``where (what)``.
    """
    dropped = []
    return _plain(value, '', dropped), dropped


_DROPPED = object()


def _plain(value, where, dropped):
    if value is None or type(value) in (bool, int, float, complex, str, bytes, torch.dtype, torch.Size, torch.device):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        fresh = OrderedDict() if isinstance(value, OrderedDict) else {}
        for key, item in value.items():
            key, item = (_plain(part, f'{where}[{key!r}]' if where else str(key), dropped) for part in (key, item))
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
    for kind in (bool, int, float, str, bytes):  # subclasses
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Path):
        return str(value)
    dropped.append(f'{where or "the whole"} ({type(value).__name__})')
    return _DROPPED
