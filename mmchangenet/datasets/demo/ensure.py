"""Makes the demo data on first use, once, however many processes ask for it."""

import json
import os
import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.logging import print_log

from .generate import NAME, NOTE, generate_demo, parameters


def ensure_demo(root, seed=0, num_boards=60, size=128, quality=92):
    """Make the demo data unless it is there; the arguments are those of :func:`generate_demo`.

    The first process to come generates, the others wait. What a killed process left behind is removed; data of another
    version or of other parameters is made anew.

    Args:
        root (str or Path): the data's folder.

    Raises:
        FileExistsError: when the folder holds something that is not demo data.
    """
    root = Path(os.path.realpath(root))
    wanted = parameters(seed, num_boards, size, quality)
    if _is_ready(root, wanted):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(root.parent / f'.{root.name}.lock'))  # the system frees it when its holder dies
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print_log(f'Waiting for another process to make the demo data in {root}', logger='current')
        lock.acquire()
    try:
        if not _is_ready(root, wanted):
            _make(root, seed=seed, num_boards=num_boards, size=size, quality=quality)
    finally:
        lock.release()


def _make(root, **arguments):
    start = time.perf_counter()
    for leftover in [*root.parent.glob(f'.{root.name}.partial-*'), *root.parent.glob(f'.{root.name}.outdated')]:
        shutil.rmtree(leftover)
    outdated = root.parent / f'.{root.name}.outdated'
    if _note(root) is not None:
        print_log(f'The demo data in {root} is of another version: it is made anew', logger='current')
        root.rename(outdated)
    print_log(f'Making the demo data in {root}, about a minute', logger='current')
    rows = generate_demo(root, **arguments)
    shutil.rmtree(outdated, ignore_errors=True)
    counts = ', '.join(f'{len(split)} {name}' for name, split in rows.items())
    print_log(f'The demo data is ready after {time.perf_counter() - start:.0f} s: {counts} pairs', logger='current')


def _note(root):
    """The note of a demo data set in a folder; None if it is no such thing."""
    try:
        note = json.loads((root / NOTE).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and note.get('name') == NAME else None


def _is_ready(root, wanted):
    note = _note(root)
    return note is not None and all(note.get(key) == value for key, value in wanted.items())
