"""Looking through the images of a label CSV for what training would learn wrongly."""

import hashlib
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import pandas as pd

from mmchangenet.imaging import ImageError, decode_image, read_bytes

COLUMNS = ['line', 'finding', 'label', 'object_name', 'detail']
BLOCK = 256  # rows handed to the threads at a time
UNREADABLE = 'unreadable image'
REMEMBERED = 100_000  # files whose content hash is kept, for goldens that many rows share


def audit(dataset, progress=iter):
    """Read every image of a dataset and list what is wrong.

    Findings:
        unreadable image: missing, empty, truncated or no image.
        same file on both sides: compare side and a golden name the same files.
        same bytes on both sides: they are different files with the same content.
        contradicting labels: all images are byte for byte those of another row that has another label.

    Args:
        dataset (LightingPairDataset): built with ``check_images=False`` when images may be missing, in test
            mode when labels may be.
        progress (Callable): wraps the range of rows, to show how far it is.

    Returns:
        pd.DataFrame: one row a finding, ordered by line, with the columns :data:`COLUMNS`; ``line`` is the
            CSV's.
    """
    findings, twins = [], defaultdict(list)
    lines = dataset.data_list.lines.tolist()

    def note(row, info, finding, detail):
        findings.append((lines[row], finding, info['label'], info['object_name'], detail))

    for row, (info, compare, golden) in zip(progress(range(len(dataset))), _looked_at(dataset), strict=True):
        errors = [error for _, error in compare + golden if error]
        for error in dict.fromkeys(errors):
            note(row, info, UNREADABLE, error)
        goldens = _by_golden(info['golden_files'], len(compare))
        if any(_same_files(info['compare_files'], files) for files in goldens):
            note(row, info, 'same file on both sides', info['compare_files'][0])
        elif not errors and compare in (same := _by_golden(golden, len(compare))):
            note(row, info, 'same bytes on both sides', f'{info["compare_files"][0]} and {goldens[same.index(compare)][0]}')
        if not errors and info['label']:
            twins[tuple(digest for digest, _ in compare + golden)].append((row, info['label']))
    for rows in twins.values():
        if len({label for _, label in rows}) > 1:
            for row, label in rows:
                others = [f'line {lines[other]} {name}' for other, name in rows if name != label]
                more = f' and {len(others) - 3} more' if len(others) > 3 else ''
                note(row, dataset.get_data_info(row), 'contradicting labels', f'same images as {", ".join(others[:3])}{more}')
    return pd.DataFrame(sorted(findings), columns=COLUMNS)


def _looked_at(dataset):
    """Yield every row's info and, for its compare and its golden files, (content hash, error) of each."""
    look = lru_cache(REMEMBERED)(_look)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(dataset), BLOCK):
            infos = [dataset.get_data_info(row) for row in range(start, min(start + BLOCK, len(dataset)))]
            looks = pool.map(lambda info: [[*map(look, info[f'{side}_files'])] for side in ('compare', 'golden')], infos)
            yield from ((info, *sides) for info, sides in zip(infos, looks, strict=True))


def _look(path):
    """The hash of a file's bytes and None, or None and why it is not a readable image."""
    try:
        data = read_bytes(path)
        decode_image(data, path)
        return hashlib.blake2b(data, digest_size=16).digest(), None
    except ImageError as error:
        return None, str(error)


def _by_golden(items, num_lightings):
    """What a row's goldens have, one lighting after the other, as a list a golden."""
    return [items[start:start + num_lightings] for start in range(0, len(items), num_lightings)]


def _same_files(compare, golden):
    """Whether the two sides are the same files, looking through links."""
    return all(a == b or os.path.realpath(a) == os.path.realpath(b) for a, b in zip(compare, golden, strict=True))
