"""Reading a label CSV: dialect, header, rows. The one reader of training and of the runtime."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from .cells import KNOWN_COLUMNS, LABEL_COLUMN, REQUIRED_COLUMNS, check_cells
from .decoding import read_utf8
from .pass_rule import PassRule
from .problems import Problems, shorten

BLOCK_BYTES = 1 << 23  # of text parsed at a time, so that not all strings of a million rows exist at once
LONGEST_LINE = 131_072  # characters; no path is that long, and the csv module takes no longer cell
_TOO_LONG = (f'a line of more than {LONGEST_LINE} characters: mend its end, or delete the column that holds '
             'the long text')
_SEP = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's way to name the delimiter


@dataclass
class LabelChunk:
    """Some rows of a label CSV.

    Attributes:
        lines: (N,) int32, the line number of each row, from 1.
        columns: by name, N cells each.
    """

    lines: NDArray[np.int32]
    columns: dict[str, list[str]]


class LabelCsv:
    """A label CSV whose dialect and header are known and checked; :meth:`chunks` reads the rows.

    UTF-8 with or without byte-order mark (UTF-16 with one), comma, semicolon or tab (a first line ``sep=;``
    says which), any line ends. Fields may be quoted, but a quoted field must end on its line. Lines whose
    cells are all blank are skipped, and so are blank cells behind the last column that has a name. Known
    columns are found in upper or lower case.

    Args:
        path: the file.
        problems: where to note what is wrong with single rows.
        need_label: whether the ``label`` column must be there.
        pass_labels: labels that mean PASS, see :class:`PassRule`.

    Attributes:
        columns: the header's names.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: when the file has no usable header.
        ValueError: for ``pass_labels`` that are no list of labels.
    """

    columns: list[str]

    def __init__(self, path: str | os.PathLike[str], problems: Problems, need_label: bool = False,
                 pass_labels: Iterable[str | int] = ()) -> None:
        self._rule = PassRule(pass_labels)
        self._problems = problems
        self._text = read_utf8(path, problems)
        self._read_header(need_label)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[LabelChunk]:
        """Yield the rows in order, some at a time, and note what is wrong with them and their known cells.

        Args:
            columns: take only these, and the known ones.

        Yields:
            cells without blanks around them; a label that means PASS is written ``PASS``.
        """
        wanted = self.columns if columns is None else [*columns, *KNOWN_COLUMNS]
        places = {name: place for place, name in enumerate(self.columns) if name in wanted}
        num_rows = 0
        for first_line, text in self._blocks():
            chunk = self._parse(first_line, text, places)
            for name in KNOWN_COLUMNS:
                if name in places:
                    check_cells(name, chunk.columns[name], chunk.lines, self._rule, self._problems)
            if LABEL_COLUMN in places:
                chunk.columns[LABEL_COLUMN] = self._rule.rewritten(chunk.columns[LABEL_COLUMN])
            num_rows += len(chunk.lines)
            yield chunk
        if not num_rows and not self._problems.lines:
            self._problems.add('the file has a header but no rows: add one line per pair of images', None,
                               os.path.basename(self._problems.path))

    def _read_header(self, need_label: bool) -> None:
        """Find the delimiter, the columns, and where the rows start."""
        number, start, line, delimiters = self._find_header()
        if len(line) > LONGEST_LINE:
            self._refuse(_TOO_LONG, number, _measured(line))
        self._start, self._first_line = start, number + 1
        readings = [(delimiter, _names(line, delimiter)) for delimiter in delimiters]
        self._delimiter, names = max(
            readings, key=lambda reading: (len({*KNOWN_COLUMNS} & {*reading[1]}), len(reading[1])))
        self._width = len(names)
        while names and not names[-1]:
            names.pop()
        self.columns = names
        missing = [c for c in (*REQUIRED_COLUMNS, *([LABEL_COLUMN] if need_label else [])) if c not in names]
        for name in missing:
            self._problems.add(f'missing column: the header has {shorten(", ".join(names))} (delimiter '
                               f'{self._delimiter!r}); add or rename the column', number, name)
        for name, count in Counter(names).items():
            if not name:
                self._problems.add('a column without a name: name it or delete it', number,
                                   f'{count} of {len(names)}')
            elif count > 1:
                self._problems.add('a column that is there more than once: keep one', number, shorten(name))
        self._problems.raise_if_any()

    def _find_header(self) -> tuple[int, int, str, str]:
        """The header's line number, the byte after it, its text, and the delimiters that it may have."""
        number, start, delimiters = 0, 0, ',;\t'
        while start < len(self._text):
            end = self._line_end(start)
            line, number, start = self._text[start:end].decode(), number + 1, end + 1
            if len(delimiters) > 1 and (named := _SEP.fullmatch(line)):
                if named[1] not in delimiters:
                    self._refuse('an unknown delimiter: use comma, semicolon or tab', number,
                                 repr(line.strip()))
                delimiters = named[1]
            elif line.replace(',', ' ').replace(';', ' ').strip():
                return number, start, line, delimiters
        self._refuse(f'the file is empty: its first line must name the columns {", ".join(REQUIRED_COLUMNS)} '
                     f'and {LABEL_COLUMN}', None, os.path.basename(self._problems.path))

    def _refuse(self, kind: str, line: int | None, what: str) -> NoReturn:
        self._problems.add(kind, line, what)
        self._problems.raise_if_any()
        raise AssertionError('unreachable')

    def _line_end(self, start: int) -> int:
        end = self._text.find(b'\n', start)
        return len(self._text) if end < 0 else end

    def _blocks(self) -> Iterator[tuple[int, str]]:
        """Whole lines, :data:`BLOCK_BYTES` or a little more at a time, with the number of the first."""
        start, number = self._start, self._first_line
        while start < len(self._text):
            end = self._line_end(start + BLOCK_BYTES)
            text = self._text[start:end].decode()
            yield number, text
            start, number = end + 1, number + text.count('\n') + 1

    def _parse(self, first_line: int, text: str, places: dict[str, int]) -> LabelChunk:
        """The rows of a block whose columns are at ``places``."""
        lines = text.split('\n')
        numbers = np.arange(first_line, first_line + len(lines), dtype=np.int32)
        columns = self._split_at_once(text, lines)
        if columns is None:
            rows = self._split(first_line, lines, '"' in text)
            kept = [place for place, row in enumerate(rows)
                    if self._is_row(row, first_line + place, lines[place])]
            numbers = numbers[kept]
            columns = [*map(list, zip(*(rows[place][:len(self.columns)] for place in kept), strict=True))]
        return LabelChunk(numbers, {name: [*map(str.strip, columns[place])] if columns else []
                                    for name, place in places.items()})

    def _split_at_once(self, text: str, lines: list[str]) -> list[list[str]] | None:
        """The columns of a block without anything unusual, as most are; None: look at each line."""
        delimiter, named = self._delimiter, len(self.columns)
        if ('"' in text or {line.count(delimiter) for line in lines} != {self._width - 1}
                or max(map(len, lines)) > LONGEST_LINE):
            return None
        cells = text.replace('\n', delimiter).split(delimiter)
        columns = [cells[place::self._width] for place in range(self._width)]
        may_be_blank = not all(map(str.strip, columns[self.columns.index(REQUIRED_COLUMNS[0])]))
        return None if may_be_blank or any(map(str.strip, chain(*columns[named:]))) else columns[:named]

    def _split(self, first_line: int, lines: list[str], quoted: bool) -> list[list[str]]:
        """The cells of each line; no cells of a line that cannot be split, which is noted."""
        if max(map(len, lines)) > LONGEST_LINE:
            for place, line in enumerate(lines):
                if len(line) > LONGEST_LINE:
                    self._problems.add(_TOO_LONG, first_line + place, _measured(line))
                    lines[place] = ''
        if not quoted:
            return [line.split(self._delimiter) for line in lines]
        with suppress(csv.Error):
            rows = list(self._csv_reader(lines))
            if len(rows) == len(lines):  # else a quoted field has swallowed line ends
                return rows
        return [self._split_line(number, line) for number, line in enumerate(lines, first_line)]

    def _split_line(self, number: int, line: str) -> list[str]:
        try:
            return next(self._csv_reader([line]))
        except csv.Error:
            self._problems.add('a quoted field that does not end on its line: mend the quotes; line breaks '
                               'inside a field are not supported', number, shorten(line))
            return []

    def _csv_reader(self, lines: list[str]) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True, strict=True)

    def _is_row(self, cells: list[str], number: int, line: str) -> bool:
        """Whether a line is a row of the right width; notes it when it is neither that nor blank."""
        if not any(map(str.strip, cells)):
            return False
        count = len(self.columns)
        fits = len(cells) >= count and not any(map(str.strip, cells[count:]))
        if not fits:
            self._problems.add(f'wrong number of fields: the header has {count}; add or remove fields, or '
                               f'quote those that hold {self._delimiter!r}', number,
                               f'{len(cells)} fields: {shorten(line)}')
        return fits


def _names(header: str, delimiter: str) -> list[str]:
    """The names in a header, known ones in lower case."""
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))]
    return [name.lower() if name.lower() in KNOWN_COLUMNS else name for name in names]


def _measured(line: str) -> str:
    return f'{len(line)} characters: {shorten(line)}'
