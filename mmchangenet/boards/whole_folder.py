"""Folders of generated data that appear complete or not at all, and are made once however many ask."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.logging import print_log


def sibling(root: Path, purpose: str) -> Path:
    """A hidden neighbour of a folder."""
    return root.parent / f'.{root.name}.{purpose}'


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the lock of a data folder, which the system frees when its holder dies; remove what one left."""
    root.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(sibling(root, 'lock')))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print_log(f'Waiting for another process to make the data in {root}', logger='current')
        lock.acquire()
    try:
        for purpose in ('partial', 'outdated'):
            if sibling(root, purpose).exists():
                shutil.rmtree(sibling(root, purpose))
        yield
    finally:
        lock.release()


@contextmanager
def making(root: Path) -> Iterator[Path]:
    """A folder beside ``root`` to write into, which becomes ``root`` when the block ends well.

    Raises:
        FileExistsError: when ``root`` holds something already.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(f'{root} holds something already: empty it or name another folder')
    partial = sibling(root, 'partial')
    try:
        partial.mkdir()
        yield partial
        if root.exists():
            root.rmdir()
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
