"""Writes the demo data set: images, label CSVs and a note of how it was made."""

import csv
import json
import os
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np

from .board import board_sites
from .defects import DEFECTS, can_have
from .lighting import LIGHTS
from .scene import stable_seed
from .shot import GOLDEN, take_shot

NAME = 'mmchangenet demo'
VERSION = 1  # of the drawing: raise it when the same parameters give other pictures
NOTE = 'dataset.json'
COLUMNS = ('input_path', 'golden_path', 'label', 'object_name')
DEFECT_SHARE = 0.25  # of the pairs of every split
VAL_SHARE, TEST_SHARE = 0.14, 0.22  # of the boards; the others are for training


def split_boards(num_boards):
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


def plan_defects(seed, split, boards):
    """Which shots of a split get which defect, all kinds equally often.

    Args:
        seed (int): of the data set.
        split (str): name of the split.
        boards (range): its boards.

    Returns:
        dict[tuple[int, int], str]: (board, site number) → defect; the other shots are good.
    """
    sites = board_sites(seed)
    free = [(board, number) for board in boards for number in range(len(sites))]
    rng = np.random.default_rng([seed, stable_seed(split)])
    rng.shuffle(free)
    wanted = [DEFECTS[i % len(DEFECTS)] for i in range(round(DEFECT_SHARE * len(free)))]
    plan = {}
    for defect in sorted(wanted, key=lambda kind: sum(can_have(site, kind) for site in sites)):  # the choosiest first
        shot = next(shot for shot in free if can_have(sites[shot[1]], defect))
        free.remove(shot)
        plan[shot] = defect
    return plan


def parameters(seed, num_boards, size, quality):
    """What the note of a data set holds besides its name."""
    return dict(version=VERSION, seed=seed, num_boards=num_boards, size=size, quality=quality)


def generate_demo(root, seed=0, num_boards=60, size=128, quality=92, progress=None):
    """Make the demo data: ``images/<board>/<object>_<light>.jpg``, ``train.csv``, ``val.csv``, ``test.csv``.

    Every site of every board is a pair with the golden shot of that site (folder ``golden``). The pictures depend on seed,
    board and site alone. The folder appears when it is complete, never before.

    Args:
        root (str or Path): folder to make; it may exist if it is empty.
        seed (int): of everything drawn. Defaults to 0.
        num_boards (int): boards of 32 sites each, at least 3. Defaults to 60.
        size (int): side of the pictures in pixels. Defaults to 128.
        quality (int): of the JPEG files, 1..100. Defaults to 92.
        progress (Callable, optional): wraps the list of boards, for instance ``mmengine.utils.track_iter_progress``.

    Returns:
        dict[str, list[tuple]]: split → rows of its CSV.

    Raises:
        FileExistsError: when ``root`` holds something already.
        ValueError: when there are too few boards for three splits, or size or quality are out of range.
    """
    root = Path(os.path.realpath(root))
    if size < 32 or not 1 <= quality <= 100:
        raise ValueError(f'size is {size} and quality {quality}: wanted at least 32 px and a quality of 1..100')
    splits = split_boards(num_boards)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(f'{root} exists and is not an empty folder: remove it or name another one')
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f'.{root.name}.partial-', dir=root.parent))
    try:
        rows = _write(partial, splits, seed, size, quality, progress or iter)
        note = dict(name=NAME, **parameters(seed, num_boards, size, quality), lights=LIGHTS)
        (partial / NOTE).write_text(json.dumps(note, indent=2) + '\n', encoding='utf-8')
        partial.chmod(0o755)  # mkdtemp makes it private
        if root.exists():
            root.rmdir()
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows


def _write(folder, splits, seed, size, quality, progress):
    plan = {shot: defect for split, boards in splits.items() for shot, defect in plan_defects(seed, split, boards).items()}
    for board in progress([GOLDEN, *range(max(splits['test']) + 1)]):
        _write_board(folder / 'images' / board_folder(board), board, plan, seed, size, quality)
    rows = {}
    for split, boards in splits.items():
        rows[split] = [(board_folder(board), board_folder(GOLDEN), plan.get((board, number), 'PASS'), site.name)
                       for board in boards for number, site in enumerate(board_sites(seed))]
        with open(folder / f'{split}.csv', 'w', newline='', encoding='utf-8') as file:
            csv.writer(file, lineterminator='\n').writerows([COLUMNS, *rows[split]])
    return rows


def board_folder(board):
    """Name of a board's image folder."""
    return 'golden' if board == GOLDEN else f'board_{board:03d}'


def _write_board(folder, board, plan, seed, size, quality):
    folder.mkdir(parents=True)
    for number, site in enumerate(board_sites(seed)):
        shot = take_shot(seed, board, number, size, plan.get((board, number)))
        for light, image in shot.items():
            done, data = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            if not done:
                raise OSError(f'OpenCV could not encode {site.name} of {folder.name}')
            (folder / f'{site.name}_{light}.jpg').write_bytes(data.tobytes())
