"""Writing files that are there whole or not at all, even when the process or the computer is killed meanwhile."""

import logging
import os
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log

PARTIAL = '.partial'


@contextmanager
def replacing(path):
    """A binary file that takes the place of ``path``, complete and on the disk, when the block ends well.

    Until then it is a hidden file ``.<name>.<process>.partial`` beside it, and an older file of that name stays as it is.
    """
    folder, name = os.path.split(os.path.abspath(path))
    partial = os.path.join(folder, f'.{name}.{os.getpid()}{PARTIAL}')
    try:
        with open(partial, 'wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    if os.name == 'posix':  # the new name is on the disk only when its folder is
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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


def write_text(text, path):
    """Write a small UTF-8 file, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def remove_partial_files(folder):
    """Remove what writers that were killed left in a folder. To be called when none is at work there."""
    for partial in Path(folder).glob(f'.*{PARTIAL}'):
        partial.unlink(missing_ok=True)


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
