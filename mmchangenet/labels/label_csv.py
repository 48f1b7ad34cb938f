"""Reading a label CSV: dialect, header, rows. The one reader of training and of the runtime."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .cells import KNOWN_COLUMNS, LABEL_COLUMN, REQUIRED_COLUMNS, check_allowed, check_cells
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
        allow: what of ``ALLOWABLE`` of ``cells`` is taken.

    Attributes:
        columns: the header's names.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: when the file has no usable header.
        ValueError: for ``pass_labels`` that are no list of labels, or an unknown ``allow``.
    """

    columns: list[str]

    def __init__(self, path: str | os.PathLike[str], problems: Problems, need_label: bool = False,
                 pass_labels: Iterable[str | int] = (), allow: Collection[str] = ()) -> None:
        check_allowed(allow)
        self._rule, self._allowed = PassRule(pass_labels), allow
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
                    check_cells(name, chunk.columns[name], chunk.lines, self._rule, self._problems,
                                self._allowed)
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
            self._problems.refuse(_TOO_LONG, number, _measured(line))
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
            if not name and count == 1 and names[0] == name:
                continue  # the index that pandas writes
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
                    self._problems.refuse('an unknown delimiter: use comma, semicolon or tab', number,
                                          repr(line.strip()))
                delimiters = named[1]
            elif line.replace(',', ' ').replace(';', ' ').strip():
                return number, start, line, delimiters
        self._problems.refuse('the file is empty: its first line must name the columns '
                              f'{", ".join(REQUIRED_COLUMNS)} and {LABEL_COLUMN}', None,
                              os.path.basename(self._problems.path))

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
        if not all(lines):
            numbers = numbers[np.flatnonzero([*map(len, lines)])]
            lines = [*filter(None, lines)]
        columns = self._split_at_once(lines, '"' in text)
        if columns is None:
            rows = self._split_one_by_one(lines, numbers.tolist())
            numbers = np.array([*rows], np.int32)
            columns = [*zip(*rows.values(), strict=True)]
        return LabelChunk(numbers, {name: [*map(str.strip, columns[place])] if columns else []
                                    for name, place in places.items()})

    def _split_at_once(self, lines: list[str], quoted: bool) -> Sequence[Sequence[str]] | None:
        """The columns of lines with nothing unusual; None: look at each line."""
        width, named = self._width, len(self.columns)
        if not lines or max(map(len, lines)) > LONGEST_LINE:
            return None
        cells: list[str] = []
        if quoted:
            with suppress(csv.Error):
                for row in self._csv_reader(lines):
                    if len(row) != width:
                        return None
                    cells += row
        elif {line.count(self._delimiter) for line in lines} == {width - 1}:
            cells = self._delimiter.join(lines).split(self._delimiter)
        if len(cells) != width * len(lines):  # a quoted field has swallowed a line end
            return None
        columns = [cells[place::width] for place in range(width)]
        blank = not all(map(str.strip, columns[self.columns.index(REQUIRED_COLUMNS[0])]))
        return None if blank or any(map(str.strip, chain(*columns[named:]))) else columns[:named]

    def _split_one_by_one(self, lines: list[str], numbers: list[int]) -> dict[int, list[str]]:
        """The cells of each line that is a row, by its number; notes what is neither that nor blank."""
        count, rows = len(self.columns), {}
        for number, line in zip(numbers, lines, strict=True):
            cells = self._split_line(number, line)
            if not any(map(str.strip, cells)):
                continue
            if len(cells) >= count and not any(map(str.strip, cells[count:])):
                rows[number] = cells[:count]
            else:
                self._problems.add(f'wrong number of fields: the header has {count}; add or remove fields, '
                                   f'or quote those that hold {self._delimiter!r}', number,
                                   f'{len(cells)} fields: {shorten(line)}')
        return rows

    def _split_line(self, number: int, line: str) -> list[str]:
        """The cells of a line; none where it cannot be split, which is noted."""
        if len(line) > LONGEST_LINE:
            self._problems.add(_TOO_LONG, number, _measured(line))
            return []
        if '"' not in line:
            return line.split(self._delimiter)
        try:
            return next(self._csv_reader([line]))
        except csv.Error:
            self._problems.add('a quoted field that does not end on its line: mend the quotes; line breaks '
                               'inside a field are not supported', number, shorten(line))
            return []

    def _csv_reader(self, lines: list[str]) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True, strict=True)


def _names(header: str, delimiter: str) -> list[str]:
    """The names in a header, known ones in lower case."""
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))]
    return [name.lower() if name.lower() in KNOWN_COLUMNS else name for name in names]


def _measured(line: str) -> str:
    return f'{len(line)} characters: {shorten(line)}'
