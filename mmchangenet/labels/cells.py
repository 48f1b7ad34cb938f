"""The columns of a label CSV, and what their cells may hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from .pass_rule import GOOD_LABEL, PassRule
from .problems import Problems, shorten

PATH_COLUMNS = ('input_path', 'golden_path')
REQUIRED_COLUMNS = (*PATH_COLUMNS, 'object_name')
LABEL_COLUMN = 'label'
KNOWN_COLUMNS = (*REQUIRED_COLUMNS, LABEL_COLUMN)
# what is refused unless somebody allows it: files of other tools may have it
FOLDER_IN_NAME, EMPTY_LABEL = ALLOWABLE = 'folder in object_name', 'empty label'


def forward(path: str) -> str:
    """A path with forward slashes: backslashes in a CSV's paths are read as separators."""
    return path.replace('\\', '/')


def check_allowed(allowed: Collection[str]) -> None:
    """
    Raises:
        ValueError: for what is not one of :data:`ALLOWABLE`.
    """
    if isinstance(allowed, str) or not set(allowed) <= set(ALLOWABLE):
        raise ValueError(f'allow={allowed!r}: give a list of some of {", ".join(map(repr, ALLOWABLE))}')


def check_cells(column: str, cells: list[str], lines: NDArray[np.int32], rule: PassRule,
                problems: Problems, allowed: Collection[str] = ()) -> None:
    """Note the rows whose cell is empty, would lead to a file outside of the image folder, or only looks like
    PASS.

    Args:
        column: one of :data:`KNOWN_COLUMNS`.
        cells: its N values.
        lines: (N,) line numbers.
        rule: which labels are PASS.
        problems: where to note them.
        allowed: what of :data:`ALLOWABLE` is taken.
    """
    if column != LABEL_COLUMN and not _is_suspect(column, cells):
        return
    fault_of = _label_fault(rule) if column == LABEL_COLUMN else _FAULT_OF[column]
    if column == 'object_name' and FOLDER_IN_NAME in allowed:
        fault_of = _name_in_folder_fault
    texts = set(cells) - ({''} if column == LABEL_COLUMN and EMPTY_LABEL in allowed else set())
    faults = {text: fault for text in texts if (fault := fault_of(text))}
    if faults:
        for line, text in zip(lines.tolist(), cells, strict=True):
            if text in faults:
                problems.add(faults[text], line, f'{column} {shorten(repr(text))}')


def _is_suspect(column: str, cells: list[str]) -> bool:
    """Whether any of many paths or names may be at fault: a quick look at all of them together."""
    text = '\n' + '\n'.join(cells)
    marks = ('\n/', '\\', ':', '..') if column in PATH_COLUMNS else ('/', '\\')
    return '' in cells or any(mark in text for mark in marks)


def _path_fault(text: str) -> str | None:
    if not text:
        return 'empty cell: write the folder relative to the image folder ("." for itself), or delete the row'
    if text[0] in '/\\' or text[1:2] == ':':
        return 'an absolute path: write it relative to the image folder (data_prefix.img_path)'
    if '..' in text and os.path.normpath(forward(text)).split(os.sep)[0] == '..':
        return 'a path that leaves the image folder: put the images below data_prefix.img_path'
    return None


def _name_fault(text: str) -> str | None:
    if not text:
        return 'empty cell: write the name of the object, or delete the row'
    if '/' in text or '\\' in text:
        return 'a folder in an object name: move it into input_path and golden_path'
    return None


def _name_in_folder_fault(text: str) -> str | None:
    if text.startswith('/') or '\\' in text or '..' in text.split('/') or text.endswith('/'):
        return 'a folder in an object name that leads elsewhere: move it into input_path and golden_path'
    return _name_fault(text.replace('/', ''))


def _label_fault(rule: PassRule) -> Callable[[str], str | None]:
    def fault(text: str) -> str | None:
        if not text:
            return (f'empty cell: write {GOOD_LABEL} or the name of the defect, delete the row, or delete '
                    'the whole column where labels are not known yet')
        if rule.is_doubtful(text):
            return (f'a label that looks like {GOOD_LABEL} but has full-width or invisible characters: write '
                    'it anew, or give it as it is in pass_labels')
        return None
    return fault


_FAULT_OF: dict[str, Callable[[str], str | None]] = dict(
    input_path=_path_fault, golden_path=_path_fault, object_name=_name_fault)
