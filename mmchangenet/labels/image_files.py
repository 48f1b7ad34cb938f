"""From the cells of a label CSV to image files: lighting suffixes, paths that must stay inside, files that must exist."""

import os
from functools import partial

import numpy as np

from .label_csv import PATH_COLUMNS


def check_cells(column, strings, lines, problems):
    """Note the rows whose cell is empty, or would lead to a file outside of the image folder.

    Args:
        column (str): the column's name.
        strings (list[str]): its N values.
        lines (np.ndarray): (N,) line numbers.
        problems (Problems): where to note them.
    """
    fault_of = _FAULT_OF[column]
    faults = {text: fault for text in set(strings) if (fault := fault_of(text))}
    if faults:
        for line, text in zip(lines.tolist(), strings, strict=True):
            if text in faults:
                problems.add(faults[text], line, f'{column} {text!r}')


def _path_fault(text):
    if not text:
        return 'empty cell: write the folder relative to the image folder ("." for itself), or delete the row'
    if text[0] in '/\\' or text[1:2] == ':':
        return 'an absolute path: write it relative to the image folder (data_prefix.img_path)'
    if '..' in text and os.path.normpath(forward(text)).split(os.sep)[0] == '..':
        return 'a path that leaves the image folder: put the images below data_prefix.img_path'
    return None


def _name_fault(text):
    if not text:
        return 'empty cell: write the name of the object, or delete the row'
    if '/' in text or '\\' in text:
        return 'a folder in an object name: move it into input_path and golden_path'
    return None


def _label_fault(text):
    return None if text else 'empty cell: write PASS or the name of the defect, or delete the row'


_FAULT_OF = dict(input_path=_path_fault, golden_path=_path_fault, object_name=_name_fault, label=_label_fault)


def forward(path):
    """A path with forward slashes: backslashes in ``input_path`` and ``golden_path`` are read as separators."""
    return path.replace('\\', '/')


def check_images_exist(table, images_dir, endings, problems, columns=PATH_COLUMNS):
    """Note every image that is missing; lists each folder once instead of asking for file by file.

    Args:
        table (PairTable): the rows; those already noted in ``problems`` are passed over.
        images_dir (str): the folder that paths are relative to.
        endings (list[str]): suffix and extension of each lighting.
        problems (Problems): where to note them.
        columns (Sequence[str]): the sides to look at.
    """
    if not os.path.isdir(images_dir):
        problems.add('the image folder does not exist: correct data_root or data_prefix.img_path', None, images_dir)
        return
    lines = table.lines.numpy()
    rows = np.flatnonzero(~np.isin(lines, list(problems.lines)))
    names = table.strings['object_name'].strings()
    folders, members = {}, []
    for column in columns:
        paths = table.strings[column].table()
        ids = np.array([folders.setdefault(forward(path), len(folders)) for path in paths])
        members.append(ids[table.strings[column].codes.numpy()[rows]])
    members = np.concatenate(members)
    order = np.argsort(members, kind='stable')
    side, cell_rows = order // max(1, len(rows)), rows[order % max(1, len(rows))]
    bounds = np.searchsorted(members[order], np.arange(len(folders) + 1))
    for folder, start, end in zip(folders, bounds[:-1], bounds[1:], strict=True):
        where = os.path.join(images_dir, folder)
        try:
            present = {entry.name for entry in os.scandir(where)} if start < end else set()
        except OSError as error:
            problems.add('a folder that cannot be listed: correct the path or put the folder there',
                         int(lines[cell_rows[start]]), f'{columns[side[start]]}: {where}: {error.strerror} ({end - start} cells)')
            continue
        for row, column in zip(cell_rows[start:end], side[start:end], strict=True):
            for ending in endings:
                name = names[row] + ending
                if name not in present:
                    problems.add('a missing image: put it there, or correct image_ext, input_map or the row',
                                 int(lines[row]), partial(_describe_missing, columns[column], where, name, names[row], present))


def _describe_missing(column, folder, name, object_name, present):
    near = sorted(other for other in present if other.lower().startswith(object_name.lower()))
    return f'{column}: {os.path.join(folder, name)}' + (f' (there is {", ".join(near[:3])})' if near else '')
