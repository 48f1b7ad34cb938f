"""Looking through a label CSV and its images for what training would learn wrongly."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import pandas as pd

from mmchangenet.imaging import ImageError, decode_image, read_bytes
from mmchangenet.labels.pass_rule import GOOD_LABEL, counted, look_alikes, no_pass_message

from .lighting_pair_dataset import LightingPairDataset

COLUMNS = ['line', 'finding', 'label', 'object_name', 'detail']
BLOCK = 256  # rows handed to the threads at a time
UNREADABLE = 'unreadable image'
NO_PASS = 'no PASS label'
REMEMBERED = 100_000  # files whose content hash is kept, for goldens that many rows share
Look: TypeAlias = tuple[bytes | None, str | None]  # the hash of a file's bytes; or why it is no image
T = TypeVar('T')


def audit(dataset: LightingPairDataset,
          progress: Callable[[Iterable[int]], Iterable[int]] = iter) -> pd.DataFrame:
    """Read every image of a dataset and list what is wrong.

    Findings:
        no PASS label: no row is PASS; lists the labels that there are (line 1, for the whole file).
        labels that look alike: they differ only in case, full-width letters or what cannot be seen (line 1).
        unreadable image: missing, empty, truncated or no image.
        same file on both sides: compare side and a golden name the same files.
        same bytes on both sides: they are different files with the same content.
        contradicting labels: all images are byte for byte those of another row that has another label.

    Args:
        dataset: built with ``check_images=False`` when images may be missing, in test mode when labels may.
        progress: wraps the range of rows, to show how far it is.

    Returns:
        one row per finding, ordered by line, with the columns :data:`COLUMNS`; ``line`` is the CSV's.
    """
    findings = _about_labels(dataset)
    twins: defaultdict[tuple[bytes | None, ...], list[tuple[int, str]]] = defaultdict(list)
    lines = dataset.data_list.lines.tolist()

    def note(row: int, info: dict[str, Any], finding: str, detail: str) -> None:
        findings.append((lines[row], finding, info['label'], info['object_name'], detail))

    for row, (info, compare, golden) in zip(progress(range(len(dataset))), _looked_at(dataset), strict=True):
        errors = [error for _, error in compare + golden if error]
        for error in dict.fromkeys(errors):
            note(row, info, UNREADABLE, error)
        goldens = _by_golden(info['golden_files'], len(compare))
        if any(_same_files(info['compare_files'], files) for files in goldens):
            note(row, info, 'same file on both sides', info['compare_files'][0])
        elif not errors and compare in (same := _by_golden(golden, len(compare))):
            twin = goldens[same.index(compare)][0]
            note(row, info, 'same bytes on both sides', f'{info["compare_files"][0]} and {twin}')
        if not errors and info['label']:
            twins[tuple(digest for digest, _ in compare + golden)].append((row, info['label']))
    for rows in twins.values():
        if len({label for _, label in rows}) > 1:
            for row, label in rows:
                others = [f'line {lines[other]} {name}' for other, name in rows if name != label]
                more = f' and {len(others) - 3} more' if len(others) > 3 else ''
                note(row, dataset.get_data_info(row), 'contradicting labels',
                     f'same images as {", ".join(others[:3])}{more}')
    return pd.DataFrame(sorted(findings), columns=COLUMNS)


def _about_labels(dataset: LightingPairDataset) -> list[tuple[int, str, str, str, str]]:
    """What is wrong with the labels as a whole."""
    counts = Counter(dataset.labels.tolist() if dataset.has_labels else [])
    findings = []
    if counts and GOOD_LABEL not in counts:
        findings.append((1, NO_PASS, '', '', no_pass_message(counts)))
    for group in look_alikes(counts):
        found = counted({label: counts[label] for label in group})
        findings.append((1, 'labels that look alike', '', '', f'{found}: are they one?'))
    return findings


def _looked_at(dataset: LightingPairDataset) -> Iterator[tuple[dict[str, Any], list[Look], list[Look]]]:
    """Yield every row's info and what there is to say of its compare and of its golden files."""
    look = lru_cache(REMEMBERED)(_look)

    def look_at_both(info: dict[str, Any]) -> tuple[list[Look], list[Look]]:
        return [*map(look, info['compare_files'])], [*map(look, info['golden_files'])]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(dataset), BLOCK):
            infos = [dataset.get_data_info(row) for row in range(start, min(start + BLOCK, len(dataset)))]
            for info, sides in zip(infos, pool.map(look_at_both, infos), strict=True):
                yield info, *sides


def _look(path: str) -> Look:
    try:
        data = read_bytes(path)
        decode_image(data, path)
        return hashlib.blake2b(data, digest_size=16).digest(), None
    except ImageError as error:
        return None, str(error)


def _by_golden(items: list[T], num_lightings: int) -> list[list[T]]:
    """What a row's goldens have, one lighting after the other, as a list per golden."""
    return [items[start:start + num_lightings] for start in range(0, len(items), num_lightings)]


def _same_files(compare: list[str], golden: list[str]) -> bool:
    """Whether the two sides are the same files, looking through links."""
    pairs = zip(compare, golden, strict=True)
    return all(a == b or os.path.realpath(a) == os.path.realpath(b) for a, b in pairs)
