"""The goldens of all rows of a table, see ``labels/goldens.py``."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from mmchangenet.labels.cells import forward
from mmchangenet.labels.goldens import list_folder
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
            known[folder] = list_folder(folder, endings, int(lines[row]), problems)
        listings[entry] = '/'.join(known[folder])
    return column.with_table(listings)
