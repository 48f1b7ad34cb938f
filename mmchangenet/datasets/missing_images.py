"""Which images of a label CSV are missing, told before training starts."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import partial

import numpy as np

from mmchangenet.labels.cells import PATH_COLUMNS, forward
from mmchangenet.labels.problems import Problems

from .columns import PairTable


def check_images_exist(table: PairTable, images_dir: str, endings: Sequence[str], problems: Problems,
                       columns: Sequence[str] = PATH_COLUMNS) -> None:
    """Note every image that is missing; lists each folder once instead of asking for file by file.

    Args:
        table: the rows; those already noted in ``problems`` are passed over.
        images_dir: the folder that paths are relative to.
        endings: suffix and extension of each lighting.
        problems: where to note them.
        columns: the sides to look at.
    """
    if not os.path.isdir(images_dir):
        problems.add('the image folder does not exist: correct data_root or data_prefix.img_path', None,
                     images_dir)
        return
    lines = table.lines.numpy()
    rows = np.flatnonzero(~np.isin(lines, list(problems.lines)))
    names = table.strings['object_name'].strings()
    nested = [place for place, name in enumerate(names[rows]) if '/' in name]  # folders in object names
    folders: dict[str, int] = {}
    members = []
    for column in columns:
        paths = table.strings[column].table()
        ids = np.array([folders.setdefault(forward(path), len(folders)) for path in paths])
        ids = ids[table.strings[column].codes.numpy()[rows]]
        for place in nested:
            path = os.path.join(forward(table.strings[column][int(rows[place])]),
                                os.path.dirname(names[rows[place]]))
            ids[place] = folders.setdefault(path, len(folders))
        members.append(ids)
    folder_of = np.concatenate(members)
    order = np.argsort(folder_of, kind='stable')
    side, cell_rows = order // max(1, len(rows)), rows[order % max(1, len(rows))]
    bounds = np.searchsorted(folder_of[order], np.arange(len(folders) + 1))
    for folder, start, end in zip(folders, bounds[:-1], bounds[1:], strict=True):
        where = os.path.join(images_dir, folder)
        try:
            present = {entry.name for entry in os.scandir(where)} if start < end else set()
        except OSError as error:
            problems.add('a folder that cannot be listed: correct the path or put the folder there',
                         int(lines[cell_rows[start]]),
                         f'{columns[side[start]]}: {where}: {error.strerror} ({end - start} cells)')
            continue
        for row, column in zip(cell_rows[start:end], side[start:end], strict=True):
            for ending in endings:
                stem = os.path.basename(names[row])
                name = stem + ending
                if name not in present:
                    describe = partial(_describe, columns[column], where, name, stem, present)
                    problems.add('a missing image: put it there, or correct image_ext, input_map or the row',
                                 int(lines[row]), describe)


def _describe(column: str, folder: str, name: str, object_name: str, present: Collection[str]) -> str:
    near = sorted(other for other in present if other.lower().startswith(object_name.lower()))
    return f'{column}: {os.path.join(folder, name)}' + (f' (there is {", ".join(near[:3])})' if near else '')
