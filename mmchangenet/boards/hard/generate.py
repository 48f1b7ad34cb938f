"""Writes the hard boards: images, masks, label CSVs ordered in time, boxes of the defects, and a note."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmchangenet.boards.lighting import LIGHTS
from mmchangenet.boards.processes import calls_ahead
from mmchangenet.boards.scene import stable_seed
from mmchangenet.boards.whole_folder import alone, making

from .camera import CHANGE
from .defects import DEFECTS, can_have
from .designs import DESIGNS, DEVELOPMENT, HELD_OUT, KNOWN, KNOWN_TYPES, SITES, Design, design_sites
from .shot import GOLDEN, Flaw, boxes, take_shot

NAME = 'mmchangenet hard boards'
VERSION = 1  # of the drawing: raise it when the same parameters give other pictures
NOTE = 'dataset.json'
COLUMNS = ('input_path', 'golden_path', 'label', 'object_name', 'design', 'part_type', 'known_part', 'time',
           'camera', 'severity')
BOX_COLUMNS = ('input_path', 'object_name', 'label', 'severity', 'mask', 'x', 'y', 'width', 'height')
TRAIN_END, VAL_END = 0.60, 0.75  # shares of the time

SPLITS = ('train', 'val', 'test', 'development', 'held_out')
PREVALENCE = (0.0015, 0.30)
FEWEST_BOARDS, FEWEST_SITES = 5, 8

Progress = Callable[[Sequence[Any]], Iterable[Any]]
Place = tuple[Design, int, int]  # design, board, number of the site


@dataclass(frozen=True)
class Parameters:
    """What the pictures follow from.

    Attributes:
        seed: of everything drawn.
        boards: of every design, at least five.
        prevalence: share of defective pairs of every split, 0.0015 to 0.30.
        size: side of the pictures, pixels, at least 32.
        quality: of the JPEG files, 1 to 100.
        sites: of every design, 8 (one of each of its part types) to 24.

    Raises:
        ValueError: for values that cannot be, all at once.
    """

    seed: int = 0
    boards: int = 105
    prevalence: float = 0.2
    size: int = 128
    quality: int = 92
    sites: int = SITES

    def __post_init__(self) -> None:
        wrong = []
        if self.seed < 0:
            wrong.append(f'seed is {self.seed}: it is 0 or more')
        if self.boards < FEWEST_BOARDS:
            wrong.append(f'boards is {self.boards}: splits ordered in time need at least {FEWEST_BOARDS}')
        if not PREVALENCE[0] <= self.prevalence <= PREVALENCE[1]:
            wrong.append(f'prevalence is {self.prevalence}: a share from {PREVALENCE[0]} to '
                         f'{PREVALENCE[1]} is accepted')
        if self.size < 32:
            wrong.append(f'size is {self.size}: at least 32 px show a part')
        if not 1 <= self.quality <= 100:
            wrong.append(f'quality is {self.quality}: JPEG has 1 to 100')
        if not FEWEST_SITES <= self.sites <= SITES:
            wrong.append(f'sites is {self.sites}: a design has {FEWEST_SITES} to {SITES}')
        if wrong:
            raise ValueError('; '.join(wrong))


def split_of(design: Design, when: float) -> str:
    """The split that a board of a design belongs to at a time, 0 to 1."""
    if design.role != KNOWN:
        return {DEVELOPMENT: 'development', HELD_OUT: 'held_out'}[design.role]
    return 'train' if when < TRAIN_END else 'val' if when < VAL_END else 'test'


def generate_hard_boards(root: str | os.PathLike[str], parameters: Parameters | None = None,
                         progress: Progress = iter, processes: int | None = None) -> dict[str, int]:
    """Make the hard boards.

    The folder gets ``images/<design>_<board>/<site>_<light>.jpg``, ``masks/<design>_<board>/<site>.png`` of
    the defects, ``<split>.csv`` for every split in the order of time, ``defects.csv`` with their boxes, and
    ``dataset.json``. It appears when it is complete, never before.

    Args:
        root: folder to make; it may exist if it is empty.
        parameters: what to make; the same give the same bytes.
        progress: wraps the list of boards, for instance ``mmengine.utils.track_iter_progress``.
        processes: how many draw; the files are the same. One a core by default.

    Returns:
        split → number of its pairs.

    Raises:
        FileExistsError: when ``root`` holds something already.
    """
    parameters = parameters or Parameters()
    root = Path(os.path.realpath(root))
    with alone(root), making(root) as folder:
        return _write(folder, parameters, progress, processes)


def plan_flaws(parameters: Parameters) -> dict[Place, Flaw]:
    """Which shots get which defect: in every split the wanted share, all kinds equally often."""
    places: dict[str, list[Place]] = {split: [] for split in SPLITS}
    for design in DESIGNS:
        for board in range(parameters.boards):
            split = split_of(design, board / parameters.boards)
            places[split] += [(design, board, number) for number in range(parameters.sites)]
    plan: dict[Place, Flaw] = {}
    for split, free in places.items():
        rng = np.random.default_rng([parameters.seed, stable_seed(split), 9])
        rng.shuffle(free)
        kinds = rng.permutation(DEFECTS).tolist()
        wanted = [kinds[i % len(kinds)] for i in range(max(round(parameters.prevalence * len(free)), 1))]
        possible = {kind: [place for place in free if can_have(_site(parameters.seed, place), kind)]
                    for kind in kinds}
        for kind in sorted(wanted, key=lambda kind: (len(possible[kind]), kind)):  # the choosiest first
            while (place := possible[kind].pop()) in plan:
                pass
            plan[place] = Flaw(kind, round(float(np.sqrt(rng.uniform())), 3))  # one in a hundred is below 0.1
    return plan


def board_folder(design: Design, board: int) -> str:
    """Name of a board's image folder."""
    return f'{design.name}_golden' if board == GOLDEN else f'{design.name}_{board:04d}'


def _site(seed: int, place: Place) -> Any:
    return design_sites(seed, place[0])[place[2]]


def _write(folder: Path, parameters: Parameters, progress: Progress, processes: int | None) -> dict[str, int]:
    plan = plan_flaws(parameters)
    # in the order of time
    boards = [(design, board) for board in range(GOLDEN, parameters.boards) for design in DESIGNS]
    rows: dict[str, list[tuple[Any, ...]]] = {split: [] for split in SPLITS}
    found: list[tuple[Any, ...]] = []
    with calls_ahead(partial(_draw_board, plan=plan, parameters=parameters), boards, processes) as drawn:
        for (design, board), (files, flaws) in zip(progress(boards), drawn, strict=True):
            for name, content in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            found += [line for _, lines in flaws.values() for line in lines]
            if board != GOLDEN:
                severities = {number: severity for number, (severity, _) in flaws.items()}
                split = split_of(design, board / parameters.boards)
                rows[split] += _rows(design, board, plan, severities, parameters)
    for split, lines in rows.items():
        _write_csv(folder / f'{split}.csv', COLUMNS, lines)
    _write_csv(folder / 'defects.csv', BOX_COLUMNS, found)
    note = dict(name=NAME, version=VERSION, **vars(parameters), lights=LIGHTS)
    (folder / NOTE).write_text(json.dumps(note, indent=2) + '\n', encoding='utf-8')
    return {split: len(lines) for split, lines in rows.items()}


def _rows(design: Design, board: int, plan: dict[Place, Flaw], severities: dict[int, float],
          parameters: Parameters) -> list[tuple[Any, ...]]:
    when = board / parameters.boards
    lines = []
    for number, site in enumerate(design_sites(parameters.seed, design)[:parameters.sites]):
        flaw = plan.get((design, board, number))
        lines.append((
            board_folder(design, board), board_folder(design, GOLDEN), flaw.kind if flaw else 'PASS',
            site.name, design.name, site.part_type, int(site.part_type in KNOWN_TYPES), f'{when:.4f}',
            int(when >= CHANGE) + 1,
            f'{severities[number]:.3f}' if flaw else ''))
    return lines


def _write_csv(path: Path, columns: Sequence[str], lines: Iterable[tuple[Any, ...]]) -> None:
    with open(path, 'w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows([columns, *lines])


def _draw_board(place: tuple[Design, int], plan: dict[Place, Flaw], parameters: Parameters
                ) -> tuple[dict[str, bytes], dict[int, tuple[float, list[tuple[Any, ...]]]]]:
    """File name → content of a board's images; site → severity of its defect and lines of the boxes' CSV."""
    design, board = place
    name, files, flaws = board_folder(design, board), {}, {}
    for number, site in enumerate(design_sites(parameters.seed, design)[:parameters.sites]):
        flaw = plan.get((design, board, number))
        when = max(board, 0) / parameters.boards
        shot = take_shot(parameters.seed, design, board, number, when, parameters.size, flaw)
        for light, image in shot.images.items():
            files[f'images/{name}/{site.name}_{light}.jpg'] = _encoded('.jpg', image[..., ::-1], [
                cv2.IMWRITE_JPEG_QUALITY, parameters.quality])
        if flaw and shot.mask is not None:
            mask = f'masks/{name}/{site.name}.png'
            files[mask] = _encoded('.png', shot.mask, [])
            flaws[number] = shot.severity, [(name, site.name, flaw.kind, f'{shot.severity:.3f}', mask, *box)
                                            for box in boxes(shot.mask)]
    return files, flaws


def _encoded(extension: str, image: np.ndarray, options: list[int]) -> bytes:
    done, data = cv2.imencode(extension, image, options)
    if not done:
        raise OSError(f'OpenCV could not encode a {extension} image')
    return data.tobytes()
