"""One training per work dir."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.dist import broadcast_object_list, is_main_process

LOCK, OWNER = '.training.lock', '.training.owner'


class WorkDirInUse(OSError):
    """Another training is at work in the work dir."""


@contextmanager
def work_dir_lock(work_dir: str) -> Iterator[None]:
    """Keep other trainings out of a work dir. The system lifts the lock of a process that is killed.

    Raises:
        WorkDirInUse: on every process, with the other training's process named.
    """
    lock, owner = FileLock(os.path.join(work_dir, LOCK)), Path(work_dir, OWNER)
    other: list[str | None] = [None]
    if is_main_process():
        try:
            lock.acquire(timeout=0)
        except Timeout:
            other = [owner.read_text() if owner.is_file() else 'a process that does not tell its number']
        else:
            owner.write_text(f'process {os.getpid()} on {socket.gethostname()}')
    broadcast_object_list(other)
    if other[0] is not None:
        raise WorkDirInUse(f'another training is at work in {work_dir}: {other[0]}. Wait for it, end it, or '
                           'choose another '
                           'folder with --work-dir')
    try:
        yield
    finally:
        if is_main_process():
            owner.unlink(missing_ok=True)
            lock.release()
