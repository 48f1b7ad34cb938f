"""Several goldens per part: ``golden_path`` is a folder, and every image in it is a golden."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from mmchangenet.labels.cells import forward
from mmchangenet.labels.problems import Problems

from .columns import PairTable, StringColumn


def list_goldens(table: PairTable, images_dir: str, endings: Sequence[str],
                 problems: Problems) -> StringColumn:
    """The goldens of every row; lists each folder once.

    A golden is a name that the folder has with every lighting's suffix and the extension. Other files are
    passed over.

    Args:
        table: the rows.
        images_dir: the folder that paths are relative to.
        endings: suffix and extension of each lighting.
        problems: where to note folders that cannot be listed, hold no golden, or one that lacks a lighting.

    Returns:
        each row's golden names in alphabetical order, joined by slashes.
    """
    column, lines = table.strings['golden_path'], table.lines.numpy()
    entries, first_rows = np.unique(column.codes.numpy(), return_index=True)
    paths, listings = column.table(), [''] * (len(column.offsets) - 1)
    known: dict[str, list[str]] = {}
    for entry, row in zip(entries.tolist(), first_rows.tolist(), strict=True):
        folder = os.path.join(images_dir, forward(paths[entry]))
        if folder not in known:
            known[folder] = _list_folder(folder, endings, int(lines[row]), problems)
        listings[entry] = '/'.join(known[folder])
    return column.with_table(listings)


def _list_folder(folder: str, endings: Sequence[str], line: int, problems: Problems) -> list[str]:
    try:
        files = set(os.listdir(folder))
    except OSError as error:
        problems.add('a golden folder that cannot be listed: correct golden_path or put the folder there',
                     line, f'{folder}: {error.strerror}')
        return []
    names = sorted({file[:-len(ending)] for ending in endings for file in files
                    if file.endswith(ending)} - {''})
    whole = [name for name in names if all(name + ending in files for ending in endings)]
    used = {name + ending for name in whole for ending in endings}  # of g_Side_White, g_Side is no golden
    for name in sorted(set(names) - set(whole)):
        if all(name + ending in used for ending in endings if name + ending in files):
            continue
        problems.add('a golden that lacks a lighting: put the image there, or delete its others', line,
                     os.path.join(folder, name))
    if not whole:
        problems.add('a golden folder without goldens: put some there, or correct golden_path, image_ext or '
                     'input_map', line, folder)
    return whole


def choose_goldens(names: list[str], count: int, rng: np.random.Generator | None = None) -> list[str]:
    """``count`` of a part's goldens.

    Args:
        names: all of them, in alphabetical order.
        count: how many; where there are fewer, they are repeated.
        rng: draws which; without one the first are taken.

    Returns:
        a list of length ``count``.
    """
    if rng is not None:
        names = [names[index] for index in rng.permutation(len(names))]
    return [names[index % len(names)] for index in range(count)]
