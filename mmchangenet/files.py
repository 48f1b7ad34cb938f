"""Writing files that are there whole or not at all, even when the process or the computer is killed
meanwhile.

Standard library only: a line's computer uses it too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = '.partial'


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path``, complete and on the disk, when the block ends well.

    Until then it is a hidden file ``.<name>.<process>.partial`` beside it, and an older file of that name
    stays as it is.
    """
    folder, name = os.path.split(os.path.abspath(path))
    partial = os.path.join(folder, f'.{name}.{os.getpid()}{PARTIAL}')
    try:
        with open(partial, 'wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno:
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
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


class OutputError(ValueError):
    """An output that cannot be written or would destroy an input; told before any work is done."""


def check_output(path: str | os.PathLike[str],
                 inputs: Iterable[str | os.PathLike[str]] = (),
                 room: int = 0) -> None:
    """Refuse a file to write that is a folder, an input, or lies where nothing can be written.

    Args:
        path: the file; folders above it need not exist yet.
        inputs: files that are read, which must stay as they are.
        room: bytes that will be needed.

    Raises:
        OutputError: naming the path.
    """
    if os.path.isdir(path):
        raise OutputError(f'{path} is a folder: give the name of a file to write')
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f'{path} is no regular file: give another name to write to')
    for file in inputs:
        if os.path.realpath(path) == os.path.realpath(file) or _is_same_file(path, file):
            raise OutputError(f'{path} is read here and would be overwritten: give another name to write to')
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise OutputError(f'{path} cannot be written: {folder} is no folder')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f'{path} cannot be written: the folder {folder} is read-only')
    if (free := shutil.disk_usage(folder).free) < room:
        raise OutputError(f'{path} needs {room >> 20} MiB, but its disk has {free >> 20} MiB left')


def _is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there
        return False


def check_new_folder(path: str | os.PathLike[str]) -> Path:
    """The whole path of a folder that can be made.

    Raises:
        OutputError: when ``path`` holds something already, or cannot be made.
    """
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(f'{path} exists and is no empty folder: empty it or name another one')
    check_output(target / 'file')
    return target


@contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A folder to fill, which appears as ``path`` when the block ends well, and not at all otherwise.

    Raises:
        OutputError: when ``path`` holds something already, or cannot be made.
    """
    target = check_new_folder(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f'.{target.name}.{os.getpid()}{PARTIAL}')
    try:
        partial.mkdir()
        yield partial
        if target.is_dir():
            target.rmdir()
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(target.parent)
