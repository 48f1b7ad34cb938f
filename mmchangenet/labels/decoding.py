"""The text of a label CSV out of its bytes: encodings, line ends."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from .problems import Problems


def read_utf8(path: str | os.PathLike[str], problems: Problems) -> bytes:
    r"""A file's text as UTF-8 without byte-order mark, its lines ending in ``\n``, without those at its end.

    Args:
        path: UTF-8 with or without byte-order mark, or UTF-16 with one; any line ends.
        problems: where to note what cannot be decoded.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: when it is neither.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no label CSV {path}: check the path (in a config, ann_file and '
                                'data_root)')
    data = Path(path).read_bytes()
    data = _from_utf16(data, problems) if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else data
    while data.startswith(codecs.BOM_UTF8):  # some tools put one before the other
        data = data[len(codecs.BOM_UTF8):]
    if b'\r' in data:
        data = data.replace(b'\r\n', b'\n').replace(b'\r', b'\n')
    if not _is_utf8(data):
        for line, raw in enumerate(data.split(b'\n'), 1):
            if not _is_utf8(raw):
                problems.add('not UTF-8: save the file as UTF-8 (Excel: "CSV UTF-8")', line, repr(raw[:80]))
    if b'\0' in data:
        problems.add('zero bytes, probably UTF-16 without byte-order mark: save the file as UTF-8',
                     data.count(b'\n', 0, data.index(b'\0')) + 1, f'{data.count(0)} of {len(data)} bytes')
    problems.raise_if_any()
    return data.rstrip(b'\n')


def _from_utf16(data: bytes, problems: Problems) -> bytes:
    try:
        return data.decode('utf-16').encode()
    except UnicodeDecodeError as error:
        before = data[:error.start].decode('utf-16', 'ignore').replace('\r\n', '\n').replace('\r', '\n')
        problems.refuse('not UTF-16, which its byte-order mark promises: save the file as UTF-8 '
                        '(Excel: "CSV UTF-8")', before.count('\n') + 1,
                        f'{error.reason} at byte {error.start}')


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
