"""Writing files that are there whole or not at all, even when the process or the computer is killed meanwhile.

Standard library only: a line's computer uses it too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = '.partial'


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
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
    sync_folder(folder)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Put the names in a folder on the disk: a new file is only there when its folder says so."""
    if os.name != 'posix':
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write a small UTF-8 file, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def remove_partial_files(folder: str | os.PathLike[str]) -> None:
    """Remove what writers that were killed left in a folder. To be called when none is at work there."""
    for partial in Path(folder).glob(f'.*{PARTIAL}'):
        partial.unlink(missing_ok=True)
