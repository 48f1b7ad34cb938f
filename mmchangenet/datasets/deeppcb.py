"""DeepPCB's board pairs as component crops with a label CSV: the benchmark protocol.

DeepPCB (Tang et al., "On-line PCB Defect Detector On A New PCB Defect Dataset", arXiv 1902.06197) lists pairs
of binarised 640x640 shots with a box around each defect. Inspection sees one component at a time, so each
pair is cut up.
"""

import os
import zlib

import cv2
import numpy as np
import pandas as pd

from mmchangenet.imaging import read_image

DEFECTS = {1: 'open', 2: 'short', 3: 'mousebite', 4: 'spur', 5: 'copper', 6: 'pin-hole'}
SHIFT = 12  # px a defect's crop may be off its centre, on each axis
PASS_PER_DEFECT = 2
MAX_DRAWS = 200  # places looked at for a pair's PASS crops
BLANK_STD = 5  # grey levels; a golden crop of less shows nothing


def read_list(src, list_file):
    """Read a list of pairs and their boxes.

    Args:
        src (str): the folder that holds ``PCBData``.
        list_file (str): lines ``g/n/X.jpg g/n_not/X.txt``; looked for in ``src``, too.

    Returns:
        list[dict]: ``name`` X, ``golden`` and ``compare`` image files, ``boxes`` (n, 4) as x1 y1 x2 y2 and
            ``labels``.

    Raises:
        ValueError: with all lines and boxes that cannot be used and all files that are missing.
    """
    pairs, wrong, seen = [], [], {}
    list_file = next(filter(os.path.isfile, (list_file, os.path.join(src, list_file))), list_file)
    with open(list_file, encoding='utf-8-sig') as file:
        lines = [(number, line.split()) for number, line in enumerate(file, 1) if line.strip()]
    for number, words in lines:
        where = f'line {number}'
        if len(words) != 2 or not words[1].endswith('.txt'):
            wrong.append(f'{where}: wanted "image label-file", got {" ".join(words)!r}')
            continue
        stem, boxes_file = os.path.join(src, 'PCBData', os.path.splitext(words[0])[0]), os.path.join(src, 'PCBData', words[1])
        pair = dict(name=os.path.basename(stem), golden=f'{stem}_temp.jpg', compare=f'{stem}_test.jpg')
        if seen.setdefault(pair['name'], number) != number:
            wrong.append(f'{where}: {pair["name"]} is listed in line {seen[pair["name"]]} already')
        missing = [path for path in (pair['golden'], pair['compare'], boxes_file) if not os.path.isfile(path)]
        wrong += [f'{where}: there is no {path}' for path in missing]
        if not missing:
            pair['boxes'], pair['labels'] = _read_boxes(boxes_file, wrong)
            pairs.append(pair)
    if not lines:
        wrong.append('it is empty; a line names a pair: g/n/X.jpg g/n_not/X.txt')
    if wrong:
        raise ValueError(f'{list_file} does not fit {os.path.join(src, "PCBData")}:\n  ' + '\n  '.join(wrong))
    return pairs


def _read_boxes(path, wrong):
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
                wrong.append(f'{path} line {number}: wanted "x1 y1 x2 y2 type", type 1 to {len(DEFECTS)}, got {line.strip()!r}')
    return np.array(boxes, np.int64).reshape(-1, 4), labels


def choose_crops(golden, boxes, labels, size, rng):
    """Choose where a pair is cut.

    FAIL: one crop a box, centred on it with a shift of up to :data:`SHIFT` px on each axis and kept inside
    the image. PASS: :data:`PASS_PER_DEFECT` times as many at random places, touching no box and not blank in
    the golden image; fewer when :data:`MAX_DRAWS` places do not suffice.

    Args:
        golden (np.ndarray): (H, W) uint8.
        boxes (np.ndarray): (n, 4) as x1 y1 x2 y2 in px.
        labels (Sequence[str]): n names of defects.
        size (int): side of the crops in px.
        rng (np.random.Generator): all randomness.

    Returns:
        list[tuple[int, int, str]]: x, y of the upper left corner and label.
    """
    room = np.array(golden.shape[::-1]) - size
    crops = []
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
            crops.append((x, y, 'PASS'))
            wanted -= 1
    return crops


def convert_pair(pair, dst, size, seed):
    """Write a pair's crops below ``dst`` as PNG, ``compare/X/X_00.png`` and ``golden/X/X_00.png``.

    Args:
        pair (dict): of :func:`read_list`.
        dst (str): the folder to write to.
        size (int): side of the crops in px.
        seed (int): a crop follows from it and the pair's name, whatever else is in the list.

    Returns:
        list[dict]: a label CSV's rows.

    Raises:
        ImageError: when an image cannot be read.
        ValueError: when an image is smaller than a crop or differs in size from the other one.
    """
    sides = {side: cv2.cvtColor(read_image(pair[side]), cv2.COLOR_RGB2GRAY) for side in ('golden', 'compare')}
    for side, image in sides.items():
        if image.shape != sides['golden'].shape or min(image.shape) < size:
            raise ValueError(f'{pair[side]} is {image.shape[1]}x{image.shape[0]} px; wanted at least {size} px a side and as '
                             'large as its twin: choose a smaller size or get the pair again')
    rng = np.random.default_rng([seed, zlib.crc32(pair['name'].encode())])
    rows = []
    for side in sides:
        os.makedirs(os.path.join(dst, side, pair['name']), exist_ok=True)
    for number, (x, y, label) in enumerate(choose_crops(sides['golden'], pair['boxes'], pair['labels'], size, rng)):
        row = dict(input_path=f'compare/{pair["name"]}', golden_path=f'golden/{pair["name"]}', label=label,
                   object_name=f'{pair["name"]}_{number:02d}')
        for side, image in sides.items():
            file = os.path.join(dst, side, pair['name'], f'{row["object_name"]}.png')
            if not cv2.imwrite(file, image[y:y + size, x:x + size]):
                raise OSError(f'{file} cannot be written')
        rows.append(row)
    return rows


def convert(src, list_file, dst, size=64, seed=0, progress=iter):
    """Convert a list of DeepPCB's pairs to crops and ``labels.csv`` in ``dst``.

    Args:
        src, list_file (str): see :func:`read_list`.
        dst, size, seed: see :func:`convert_pair`.
        progress (Callable): wraps the list of pairs, to show how far it is.

    Returns:
        pd.DataFrame: the rows of ``labels.csv``.
    """
    if size < 1 or seed < 0:
        raise ValueError(f'size={size}, seed={seed}: the size is at least 1 px, the seed not negative')
    pairs = read_list(src, list_file)
    rows = [row for pair in progress(pairs) for row in convert_pair(pair, dst, size, seed)]
    frame = pd.DataFrame(rows)
    frame.to_csv(os.path.join(dst, 'labels.csv'), index=False)
    return frame
