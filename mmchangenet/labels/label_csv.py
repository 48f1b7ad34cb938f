"""Reading a label CSV: its dialect, its columns as strings, and one report of everything wrong with it."""

import csv
import io
import os
from collections import Counter

import numpy as np
import pandas as pd

PATH_COLUMNS = ('input_path', 'golden_path')
REQUIRED_COLUMNS = (*PATH_COLUMNS, 'object_name')
LABEL_COLUMN = 'label'
GOOD_LABEL = 'PASS'

LISTED = 20  # examples of one kind of problem in a report, the rest is counted
CHUNK_ROWS = 100_000  # rows parsed at a time: keeps the million strings of a big CSV from existing all at once
SCAN_BYTES = 1 << 24  # bytes scanned at a time for line ends and delimiters


class LabelCsvError(ValueError):
    """A label CSV that cannot be used; the message lists everything wrong with it, by kind and line."""


class Problems:
    """What is wrong with one label CSV, collected to be reported at once.

    Args:
        path (str): the CSV, named in the report.
    """

    def __init__(self, path):
        self.path = path
        self.lines = set()
        self._examples = {}
        self._counts = Counter()

    def add(self, kind, line, what):
        """Note a problem.

        Args:
            kind (str): what it is and how to mend it, the headline of all problems of this kind.
            line (int, optional): line number in the file, from 1; None when it concerns the whole file.
            what (str | Callable): column and value, or a function giving them, called only when they are listed.
        """
        self._counts[kind] += 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < LISTED:
            examples.append((line or 0, what() if callable(what) else what))
        if line is not None:
            self.lines.add(line)

    def raise_if_any(self):
        """Raise :class:`LabelCsvError` with all that was noted."""
        if not self._counts:
            return
        report = [f'label CSV {self.path} cannot be used:']
        for kind, count in self._counts.items():
            report.append(f'  {kind} ({count}x)')
            report += [f'    line {line}: {what}' if line else f'    {what}' for line, what in sorted(self._examples[kind])]
            if count > LISTED:
                report.append(f'    ... and {count - LISTED} more')
        raise LabelCsvError('\n'.join(report))


class LabelCsv:
    """A label CSV whose dialect, header and line structure are known and checked.

    UTF-8 with or without byte-order mark (UTF-16 with one), comma, semicolon or tab, any line ends. Blank lines are
    skipped. Fields may be quoted, but a quoted field must end on its line. Rows of a wrong width are noted in
    ``problems`` and left out of ``lines`` and :meth:`chunks`.

    Args:
        path (str): the file.
        problems (Problems): where to note what is wrong with single rows.
        need_label (bool): whether the ``label`` column must be there.

    Attributes:
        columns (list[str]): the header's names.
        lines (np.ndarray): (N,) int32, the line number of each row, from 1.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: when the file has no usable header or no row at all.
    """

    def __init__(self, path, problems, need_label=False):
        self.path, self._problems = path, problems
        self._text = _read_utf8(path, problems)
        data = np.frombuffer(self._text, np.uint8)
        ends = np.append(_positions(data, b'\n'), len(data))
        starts = np.append(0, ends[:-1] + 1)
        header = next((i for i, (a, b) in enumerate(zip(starts, ends, strict=True)) if self._text[a:b].strip()), None)
        if header is None:
            problems.add(f'the file is empty: its first line must name the columns {", ".join(REQUIRED_COLUMNS)} '
                         f'and {LABEL_COLUMN}', None, os.path.basename(path))
            problems.raise_if_any()
        self._delimiter, self.columns = _read_header(self._text[starts[header]:ends[header]].decode())
        self._check_header(header + 1, need_label)

        widths = 1 + _count_between(_positions(data, self._delimiter.encode()), starts, ends)
        quoted = np.flatnonzero(_count_between(_positions(data, b'"'), starts, ends))
        usable = widths == len(self.columns)
        usable[:header + 1] = False
        suspects = np.union1d(np.flatnonzero(~usable), quoted)
        for i in suspects[suspects > header]:
            usable[i] = self._check_line(int(i) + 1, self._text[starts[i]:ends[i]])
        rows = np.flatnonzero(usable)
        if not len(rows) and not problems.lines:
            problems.add('the file has a header but no rows: add one line a pair of images', None, os.path.basename(path))
            problems.raise_if_any()
        self.lines = (rows + 1).astype(np.int32)
        self._start = int(starts[rows[0]]) if len(rows) else len(data)
        if problems.lines:
            self._text = b'\n'.join(self._text[starts[i]:ends[i]] for i in rows)
            self._start = 0

    def _check_header(self, line, need_label):
        missing = [c for c in (*REQUIRED_COLUMNS, *([LABEL_COLUMN] if need_label else [])) if c not in self.columns]
        for name in missing:
            self._problems.add(f'missing column: the header has {", ".join(self.columns)} (delimiter {self._delimiter!r}); '
                               'add or rename the column', line, name)
        for name, count in Counter(self.columns).items():
            if not name:
                self._problems.add('a column without a name: name it or delete it', line, f'{count} of {len(self.columns)}')
            elif count > 1:
                self._problems.add('a column that is there more than once: keep one', line, name)
        self._problems.raise_if_any()

    def _check_line(self, line, raw):
        """Whether a line is a row of the right width; notes it when it is neither that nor blank."""
        text = raw.decode().strip('\r')
        if not text.strip():
            return False
        try:
            width = len(next(csv.reader([text], delimiter=self._delimiter, skipinitialspace=True, strict=True)))
        except csv.Error:
            self._problems.add('a quoted field that does not end on its line: mend the quotes; line breaks inside '
                               'a field are not supported', line, _shorten(text))
            return False
        if width != len(self.columns):
            self._problems.add(f'wrong number of fields: the header has {len(self.columns)}; add or remove fields, '
                               f'or quote those that hold {self._delimiter!r}', line, f'{width} fields: {_shorten(text)}')
        return width == len(self.columns)

    def chunks(self, columns=None):
        """Yield the rows in order, :data:`CHUNK_ROWS` a time.

        Args:
            columns (Sequence[str], optional): take only these.

        Yields:
            dict[str, list[str]]: by column; values are stripped, and a label ``pass`` in any case is written ``PASS``.
        """
        if not len(self.lines):
            return
        handle = io.BytesIO(self._text)
        handle.seek(self._start)
        done = 0
        columns = list(columns or self.columns)
        with pd.read_csv(handle, engine='c', sep=self._delimiter, header=None, names=self.columns, usecols=columns,
                         dtype=object, na_filter=False, skipinitialspace=True, chunksize=CHUNK_ROWS) as reader:
            for frame in reader:
                done += len(frame)
                chunk = {name: list(map(str.strip, frame[name].tolist())) for name in columns}
                if LABEL_COLUMN in chunk:
                    chunk[LABEL_COLUMN] = [GOOD_LABEL if v.upper() == GOOD_LABEL else v for v in chunk[LABEL_COLUMN]]
                yield chunk
        if done != len(self.lines):
            raise LabelCsvError(f'label CSV {self.path}: {len(self.lines)} rows were counted, {done} read; '
                                'look for stray quotes and control characters')


def read_label_csv(path):
    """Read a label CSV, all its columns as strings in their own order, one DataFrame row a CSV row.

    Names such as ``NA`` and ``None`` stay names and numbers keep their spelling. See :class:`LabelCsv` for
    what is read; the cells themselves are checked where the CSV meets its images, in
    :class:`~mmchangenet.datasets.LightingPairDataset`.

    Args:
        path (str): the file.

    Returns:
        pd.DataFrame: indexed 0 to N - 1.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: with all missing or doubled columns, or all rows of a wrong width, by line.
    """
    problems = Problems(path)
    source = LabelCsv(path, problems)
    problems.raise_if_any()
    return pd.concat([pd.DataFrame(chunk, dtype=str) for chunk in source.chunks()], ignore_index=True)


def _read_utf8(path, problems):
    """The file's bytes as UTF-8 without byte-order mark, lines ending in LF or CRLF."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no label CSV {path}: check ann_file and data_root')
    with open(path, 'rb') as file:
        data = file.read()
    if data[:2] in (b'\xff\xfe', b'\xfe\xff'):
        data = data.decode('utf-16').encode()
    data = data.removeprefix(b'\xef\xbb\xbf')
    if data.count(b'\r') != data.count(b'\r\n'):
        data = data.replace(b'\r\n', b'\n').replace(b'\r', b'\n')
    try:
        data.decode()
    except UnicodeDecodeError:
        for line, raw in enumerate(data.split(b'\n'), 1):
            try:
                raw.decode()
            except UnicodeDecodeError:
                problems.add('not UTF-8: save the file as UTF-8 (Excel: "CSV UTF-8")', line, repr(raw[:80]))
    if b'\0' in data:
        problems.add('zero bytes, probably UTF-16 without byte-order mark: save the file as UTF-8',
                     data.count(b'\n', 0, data.index(b'\0')) + 1, f'{data.count(0)} of {len(data)} bytes')
    problems.raise_if_any()
    return data


def _read_header(line):
    """The delimiter, out of comma, semicolon and tab, under which most of the known columns appear, and all columns."""
    wanted = {*REQUIRED_COLUMNS, LABEL_COLUMN}
    readings = []
    for delimiter in ',;\t':
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
        readings.append((len(wanted & set(names)), len(names), delimiter, names))
    return max(readings, key=lambda reading: reading[:2])[2:]


def _positions(data, byte):
    """Ascending positions of a byte in an array of bytes."""
    blocks = range(0, len(data), SCAN_BYTES)
    return np.concatenate([np.zeros(0, np.int64), *(np.flatnonzero(data[i:i + SCAN_BYTES] == ord(byte)) + i for i in blocks)])


def _count_between(positions, starts, ends):
    return np.searchsorted(positions, ends) - np.searchsorted(positions, starts)


def _shorten(text):
    return text if len(text) <= 80 else f'{text[:77]}...'
