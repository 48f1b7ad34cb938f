"""Makes the demo data whole or not at all, and once, however many processes ask for it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmchangenet.boards.whole_folder import alone, making, sibling

from .generate import NAME, NOTE, Progress, Row, parameters, split_boards, write_demo


def generate_demo(root: str | os.PathLike[str], seed: int = 0, num_boards: int = 120, size: int = 128,
                  quality: int = 92, progress: Progress = iter,
                  processes: int | None = None) -> dict[str, list[Row]]:
    """Make the demo data: ``images/<board>/<object>_<light>.jpg``, ``train.csv``, ``val.csv``, ``test.csv``.

    Every site of every board is a pair with the golden shot of that site (folder ``golden``). The pictures
    depend on seed, board and site alone. The folder appears when it is complete, never before.

    Args:
        root: folder to make; it may exist if it is empty.
        seed: of everything drawn. Defaults to 0.
        num_boards: boards of 32 sites each, at least 3. Defaults to 120.
        size: side of the pictures in pixels. Defaults to 128.
        quality: of the JPEG files, 1..100. Defaults to 92.
        progress: wraps the list of boards, for instance ``mmengine.utils.track_iter_progress``.
        processes: how many draw; the files are the same. Defaults to one per core.

    Returns:
        split → rows of its CSV.

    Raises:
        FileExistsError: when ``root`` holds something already.
        ValueError: when there are too few boards for three splits, or size or quality are out of range.
    """
    root = Path(os.path.realpath(root))
    with alone(root):
        return _make(root, parameters(seed, num_boards, size, quality), progress, processes)


def ensure_demo(root: str | os.PathLike[str], seed: int = 0, num_boards: int = 120, size: int = 128,
                quality: int = 92, progress: Progress = iter, processes: int | None = None) -> None:
    """Make the demo data unless it is there; the arguments are those of :func:`generate_demo`.

    The first process to come generates, the others wait. What a killed process left behind is removed; data
    of another version or of other parameters is made anew.

    Raises:
        FileExistsError: when ``root`` holds something that is not demo data.
        ValueError: as :func:`generate_demo`.
    """
    root = Path(os.path.realpath(root))
    wanted = parameters(seed, num_boards, size, quality)
    if _is_ready(root, wanted):
        return
    with alone(root):
        if _is_ready(root, wanted):
            return
        outdated = sibling(root, 'outdated')
        if _note(root) is not None:
            print_log(f'The demo data in {root} is of another version or seed: it is made anew',
                      logger='current')
            root.rename(outdated)
        start = time.perf_counter()
        print_log(f'Making the demo data in {root}, about a minute', logger='current')
        rows = _make(root, wanted, progress, processes)
        shutil.rmtree(outdated, ignore_errors=True)
        counts = ', '.join(f'{len(split)} {name}' for name, split in rows.items())
        print_log(f'The demo data is ready after {time.perf_counter() - start:.0f} s: {counts} pairs',
                  logger='current')


def _make(root: Path, wanted: dict[str, int], progress: Progress,
          processes: int | None) -> dict[str, list[Row]]:
    """Write into a folder beside ``root``, then rename it."""
    if wanted['size'] < 32 or not 1 <= wanted['quality'] <= 100:
        raise ValueError(f"size is {wanted['size']} and quality {wanted['quality']}: at least 32 px and "
                         "1..100 are accepted")
    split_boards(wanted['num_boards'])
    with making(root) as partial:
        return write_demo(
            partial, wanted['seed'], wanted['num_boards'], wanted['size'], wanted['quality'], progress,
            processes)


def _note(root: Path) -> dict[str, Any] | None:
    """The note of a demo data set in a folder; None if it is no such thing."""
    try:
        note = json.loads((root / NOTE).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and note.get('name') == NAME else None


def _is_ready(root: Path, wanted: dict[str, int]) -> bool:
    note = _note(root)
    return note is not None and all(note.get(key) == value for key, value in wanted.items())
