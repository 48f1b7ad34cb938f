"""Which file of a work dir a training goes on from."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from mmengine.logging import print_log

from .reader import CheckpointError, read_checkpoint

# of a training that a signal ended, newer than the numbered ones that it had written
INTERRUPTED = 'interrupted.pth'


def newest_checkpoint(folder: str | os.PathLike[str], template: str = 'epoch_{}.pth',
                      pointer: str | os.PathLike[str] | None = None) -> str | None:
    """The newest whole checkpoint of a training; files that cannot be read are named in the log and passed
    over.

    The newest is the highest number among the file that ``last_checkpoint`` names and those written after it:
    a run may be killed after a checkpoint and before the note of it, and an older run may have left higher
    numbers. The file of an interrupted run comes after all that were written since.

    Args:
        folder: where the checkpoints are.
        template: their name, with ``{}`` for the number.
        pointer: the ``last_checkpoint`` file; ``folder/last_checkpoint`` when None.

    Returns:
        its path; None when there is none.
    """
    for path in _candidates(Path(folder), template, Path(pointer or Path(folder, 'last_checkpoint'))):
        try:
            read_checkpoint(path)
        except (CheckpointError, OSError) as error:
            print_log(f'passed over for resuming: {error}', 'current', logging.WARNING)
        else:
            return str(path)
    return None


def _candidates(folder: Path, template: str, pointer: Path) -> list[Path]:
    pattern = re.compile(r'(\d+)'.join(map(re.escape, template.split('{}'))))
    numbers = {path: int(match[1]) for path in folder.glob('*') if (match := pattern.fullmatch(path.name))}
    if (interrupted := folder / INTERRUPTED).is_file():
        numbers[interrupted] = -1
    times = {path: os.stat(path).st_mtime_ns for path in numbers}
    last = folder / Path(pointer.read_text().strip()).name if pointer.is_file() else None
    since = 0 if last is None else times.get(last, 0)
    recent = [path for path in numbers if path == last or times[path] > since]
    older = [path for path in numbers if path not in recent]
    return sorted(recent, key=numbers.__getitem__, reverse=True) + sorted(older, key=times.__getitem__,
                                                                          reverse=True)
