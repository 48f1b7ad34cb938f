"""DeepPCB's board pairs as component crops with a label CSV: the benchmark protocol.

DeepPCB (Tang et al., "On-line PCB Defect Detector On A New PCB Defect Dataset", arXiv 1902.06197) lists pairs
of binarised 640x640 shots with a box around each defect. Inspection sees one component at a time, so each
pair is cut up.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmchangenet.files import new_folder
from mmchangenet.imaging import read_image
from mmchangenet.labels.pass_rule import GOOD_LABEL

DEFECTS = {1: 'open', 2: 'short', 3: 'mousebite', 4: 'spur', 5: 'copper', 6: 'pin-hole'}
SHIFT = 12  # px a defect's crop may be off its centre, on each axis
PASS_PER_DEFECT = 2
MAX_DRAWS = 200  # places looked at for a pair's PASS crops
BLANK_STD = 5  # grey levels; a golden crop of less shows nothing


class BoardPair(TypedDict):
    """Two shots of a board.

    Attributes:
        name: of the pair.
        golden, compare: image files.
        boxes: (n, 4) as x1 y1 x2 y2 in px, one per defect.
        labels: n names of defects.
    """

    name: str
    golden: str
    compare: str
    boxes: NDArray[np.int64]
    labels: list[str]


def read_list(src: str, list_file: str) -> list[BoardPair]:
    """Read a list of pairs and their boxes.

    Args:
        src: the folder that holds ``PCBData``.
        list_file: lines ``g/n/X.jpg g/n_not/X.txt``, which name the pair X; looked for in ``src``, too.

    Raises:
        ValueError: with all lines and boxes that cannot be used and all files that are missing.
    """
    pairs: list[BoardPair] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    list_file = next(filter(os.path.isfile, (list_file, os.path.join(src, list_file))), list_file)
    with open(list_file, encoding='utf-8-sig') as file:
        lines = [(number, line.split()) for number, line in enumerate(file, 1) if line.strip()]
    for number, words in lines:
        where = f'line {number}'
        if len(words) != 2 or not words[1].endswith('.txt'):
            wrong.append(f'{where}: wanted "image label-file", got {" ".join(words)!r}')
            continue
        stem = os.path.join(src, 'PCBData', os.path.splitext(words[0])[0])
        boxes_file = os.path.join(src, 'PCBData', words[1])
        name, golden, compare = os.path.basename(stem), f'{stem}_temp.jpg', f'{stem}_test.jpg'
        if seen.setdefault(name, number) != number:
            wrong.append(f'{where}: {name} is listed in line {seen[name]} already')
        missing = [path for path in (golden, compare, boxes_file) if not os.path.isfile(path)]
        wrong += [f'{where}: there is no {path}' for path in missing]
        if not missing:
            boxes, labels = _read_boxes(boxes_file, wrong)
            pairs.append(BoardPair(name=name, golden=golden, compare=compare, boxes=boxes, labels=labels))
    if not lines:
        wrong.append('it is empty; a line names a pair: g/n/X.jpg g/n_not/X.txt')
    if wrong:
        raise ValueError(f'{list_file} does not fit {os.path.join(src, "PCBData")}:\n  ' + '\n  '.join(wrong))
    return pairs


def _read_boxes(path: str, wrong: list[str]) -> tuple[NDArray[np.int64], list[str]]:
    boxes, labels = [], []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                *box, kind = map(int, line.replace(',', ' ').split())
                x1, y1, x2, y2 = box
                labels.append(DEFECTS[kind])
                boxes.append((x1, y1, x2, y2))
            except (ValueError, KeyError):
                wrong.append(f'{path} line {number}: wanted "x1 y1 x2 y2 type", type 1 to {len(DEFECTS)}, '
                             f'got {line.strip()!r}')
    return np.array(boxes, np.int64).reshape(-1, 4), labels


def choose_crops(golden: NDArray[np.uint8], boxes: NDArray[np.int64], labels: Sequence[str], size: int,
                 rng: np.random.Generator) -> list[tuple[int, int, str]]:
    """Choose where a pair is cut.

    FAIL: one crop per box, centred on it with a shift of up to :data:`SHIFT` px on each axis and kept inside
    the image. PASS: :data:`PASS_PER_DEFECT` times as many at random places, touching no box and not blank in
    the golden image; fewer when :data:`MAX_DRAWS` places do not suffice.

    Args:
        golden: (H, W) uint8.
        boxes: (n, 4) as x1 y1 x2 y2 in px.
        labels: n names of defects.
        size: side of the crops in px.
        rng: all randomness.

    Returns:
        x, y of the upper left corner and label.
    """
    room = np.array(golden.shape[::-1]) - size
    crops: list[tuple[int, int, str]] = []
    for box, label in zip(boxes, labels, strict=True):
        centre = (box[:2] + box[2:]) // 2 + rng.integers(-SHIFT, SHIFT + 1, 2)
        crops.append((*np.clip(centre - size // 2, 0, room).tolist(), label))
    wanted = PASS_PER_DEFECT * len(boxes)
    for corner in rng.integers(0, room + 1, (MAX_DRAWS, 2)):
        if wanted == 0:
            break
        touches = (corner <= boxes[:, 2:]).all(1) & (corner + size >= boxes[:, :2]).all(1)
        x, y = corner.tolist()
        if not touches.any() and golden[y:y + size, x:x + size].std() >= BLANK_STD:
            crops.append((x, y, GOOD_LABEL))
            wanted -= 1
    return crops


def convert_pair(pair: BoardPair, dst: str | os.PathLike[str], size: int, seed: int) -> list[dict[str, str]]:
    """Write a pair's crops below ``dst`` as PNG, ``compare/X/X_00.png`` and ``golden/X/X_00.png``.

    Args:
        pair: of :func:`read_list`.
        dst: the folder to write to.
        size: side of the crops in px.
        seed: a crop follows from it and the pair's name, whatever else is in the list.

    Returns:
        a label CSV's rows.

    Raises:
        ImageError: when an image cannot be read.
        ValueError: when an image is smaller than a crop or differs in size from the other one.
    """
    files = dict(golden=pair['golden'], compare=pair['compare'])
    sides = {side: cv2.cvtColor(read_image(file), cv2.COLOR_RGB2GRAY) for side, file in files.items()}
    for side, image in sides.items():
        if image.shape != sides['golden'].shape or min(image.shape) < size:
            raise ValueError(f'{files[side]} is {image.shape[1]}x{image.shape[0]} px; wanted at least {size} '
                             'px a side and as large as its twin: choose a smaller size or get the pair '
                             'again')
    rng = np.random.default_rng([seed, zlib.crc32(pair['name'].encode())])
    rows = []
    for side in sides:
        os.makedirs(os.path.join(dst, side, pair['name']), exist_ok=True)
    crops = choose_crops(sides['golden'].astype(np.uint8, copy=False), pair['boxes'], pair['labels'], size,
                         rng)
    for number, (x, y, label) in enumerate(crops):
        row = dict(input_path=f'compare/{pair["name"]}', golden_path=f'golden/{pair["name"]}', label=label,
                   object_name=f'{pair["name"]}_{number:02d}')
        for side, image in sides.items():
            file = os.path.join(dst, side, pair['name'], f'{row["object_name"]}.png')
            if not cv2.imwrite(file, image[y:y + size, x:x + size]):
                raise OSError(f'{file} cannot be written')
        rows.append(row)
    return rows


def convert(src: str, list_file: str, dst: str, size: int = 64, seed: int = 0,
            progress: Callable[[list[BoardPair]], Iterable[BoardPair]] = iter) -> pd.DataFrame:
    """Convert a list of DeepPCB's pairs to crops and ``labels.csv`` in ``dst``, which appears when complete.

    Args:
        src, list_file: see :func:`read_list`.
        dst: the folder to make; it may exist if it is empty.
        size, seed: see :func:`convert_pair`.
        progress: wraps the list of pairs, to show how far it is.

    Returns:
        the rows of ``labels.csv``.

    Raises:
        OutputError: when ``dst`` holds something already.
        ImageError, ValueError: as :func:`read_list` and :func:`convert_pair`, or when there is no box.
    """
    if size < 1 or seed < 0:
        raise ValueError(f'size={size}, seed={seed}: the size is at least 1 px, the seed not negative')
    pairs = read_list(src, list_file)
    if not any(pair['labels'] for pair in pairs):
        raise ValueError(f'{list_file}: no pair has a box round a defect, so there is nothing to cut out')
    with new_folder(dst) as folder:
        frame = pd.DataFrame([row for pair in progress(pairs)
                              for row in convert_pair(pair, folder, size, seed)])
        frame.to_csv(Path(folder, 'labels.csv'), index=False)
    return frame
