"""Writes the demo data: images, label CSVs and a note of how they were made."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from mmchangenet.boards.lighting import LIGHTS
from mmchangenet.boards.processes import calls_ahead
from mmchangenet.boards.scene import stable_seed

from .board import board_sites
from .defects import DEFECTS, can_have
from .shot import GOLDEN, take_shot

NAME = 'mmchangenet demo'
VERSION = 2  # of the drawing: raise it when the same parameters give other pictures
NOTE = 'dataset.json'
COLUMNS = ('input_path', 'golden_path', 'label', 'object_name')
Row: TypeAlias = tuple[str, str, str, str]  # of the label CSV
Progress: TypeAlias = Callable[[list[int]], Iterable[int]]
DEFECT_SHARE = 0.25  # of the pairs of every split
VAL_SHARE, TEST_SHARE = 0.14, 0.22  # of the boards; the others are for training


def split_boards(num_boards: int) -> dict[str, range]:
    """Numbers of the boards of each split; no board is in two.

    Raises:
        ValueError: with fewer than three boards.
    """
    if num_boards < 3:
        raise ValueError(f'num_boards is {num_boards}: three splits need at least 3 boards')
    num_val, num_test = max(round(num_boards * VAL_SHARE), 1), max(round(num_boards * TEST_SHARE), 1)
    num_train = num_boards - num_val - num_test
    return dict(
        train=range(num_train),
        val=range(num_train, num_train + num_val),
        test=range(num_train + num_val, num_boards))


def plan_defects(seed: int, split: str, boards: range) -> dict[tuple[int, int], str]:
    """Which shots of a split get which defect, all kinds equally often.

    Args:
        seed: of the data set.
        split: name of the split.
        boards: its boards.

    Returns:
        (board, site number) → defect; the other shots are good.
    """
    sites = board_sites(seed)
    free = [(board, number) for board in boards for number in range(len(sites))]
    rng = np.random.default_rng([seed, stable_seed(split)])
    rng.shuffle(free)
    wanted = [DEFECTS[i % len(DEFECTS)] for i in range(round(DEFECT_SHARE * len(free)))]
    plan: dict[tuple[int, int], str] = {}
    choosiest_first = sorted(wanted, key=lambda kind: sum(can_have(site, kind) for site in sites))
    for defect in choosiest_first:
        shot = next(shot for shot in free if can_have(sites[shot[1]], defect))
        free.remove(shot)
        plan[shot] = defect
    return plan


def parameters(seed: int, num_boards: int, size: int, quality: int) -> dict[str, int]:
    """What the note of a data set holds besides its name."""
    return dict(version=VERSION, seed=seed, num_boards=num_boards, size=size, quality=quality)


def write_demo(folder: Path, seed: int, num_boards: int, size: int, quality: int, progress: Progress = iter,
               processes: int | None = None) -> dict[str, list[Row]]:
    """Write the whole data set into a folder; the note comes last.

    Args:
        folder: exists and is empty.
        seed, num_boards, size, quality: as for :func:`generate_demo`.
        progress: wraps the list of boards.
        processes: as for :func:`generate_demo`.

    Returns:
        split → rows of its CSV.
    """
    splits = split_boards(num_boards)
    plan = {shot: defect for split, boards in splits.items()
            for shot, defect in plan_defects(seed, split, boards).items()}
    all_boards = [GOLDEN, *range(num_boards)]
    draw = partial(_draw_board, plan=plan, seed=seed, size=size, quality=quality)
    with calls_ahead(draw, all_boards, processes) as drawn:
        for board, files in zip(progress(all_boards), drawn, strict=True):
            _write_files(folder / 'images' / board_folder(board), files)
    rows = {}
    for split, boards in splits.items():
        golden = board_folder(GOLDEN)
        rows[split] = [(board_folder(board), golden, plan.get((board, number), 'PASS'), site.name)
                       for board in boards for number, site in enumerate(board_sites(seed))]
        with open(folder / f'{split}.csv', 'w', newline='', encoding='utf-8') as file:
            csv.writer(file, lineterminator='\n').writerows([COLUMNS, *rows[split]])
    note = dict(name=NAME, **parameters(seed, num_boards, size, quality), lights=LIGHTS)
    (folder / NOTE).write_text(json.dumps(note, indent=2) + '\n', encoding='utf-8')
    return rows


def board_folder(board: int) -> str:
    """Name of a board's image folder."""
    return 'golden' if board == GOLDEN else f'board_{board:03d}'


def _draw_board(board: int, plan: Mapping[tuple[int, int], str], seed: int, size: int,
                quality: int) -> dict[str, bytes]:
    """File name → content of all images of a board."""
    files = {}
    for number, site in enumerate(board_sites(seed)):
        shot = take_shot(seed, board, number, size, plan.get((board, number)))
        for light, image in shot.items():
            done, data = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            if not done:
                raise OSError(f'OpenCV could not encode {site.name} of {board_folder(board)}')
            files[f'{site.name}_{light}.jpg'] = data.tobytes()
    return files


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
