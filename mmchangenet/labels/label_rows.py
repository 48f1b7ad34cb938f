"""A label CSV as plain lists, for a line's computer: the rows that training reads, without pandas."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, overload

from mmchangenet.thresholds import float_text

from .cells import REQUIRED_COLUMNS, forward
from .label_csv import LabelCsv
from .problems import Problems

SCORE_COLUMN = 'siamese_score'


class NamesImages(Protocol):
    """What knows the image files of an object, such as the runtime's settings."""

    def file_names(self, object_name: str) -> list[str]:
        """The names of an object's images, per lighting."""


class Rows(Sequence[list[str]]):
    """Rows out of columns: a list of cells each. No list is kept per row, of which a million would take
    seconds.

    Args:
        columns: lists of N cells.
    """

    def __init__(self, columns: list[list[str]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> list[str]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[str]]: ...

    def __getitem__(self, index: int | slice) -> list[str] | list[list[str]]:
        if isinstance(index, slice):
            return [*map(list, zip(*(column[index] for column in self._columns), strict=True))]
        return [column[index] for column in self._columns]

    def __iter__(self) -> Iterator[list[str]]:
        return map(list, zip(*self._columns, strict=True))


class LabelRows:
    """The rows of a label CSV, all cells text. See :class:`LabelCsv` for what is read.

    Args:
        path: the file.
        pass_labels: labels that mean PASS beside ``PASS`` itself.

    Attributes:
        columns: the header's names.
        rows: a list of cells per row, made when it is asked for.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: with everything wrong with the file, by kind and line.
    """

    def __init__(self, path: str | os.PathLike[str], pass_labels: Iterable[str | int] = ()) -> None:
        self.path = str(path)
        problems = Problems(path)
        source = LabelCsv(path, problems, pass_labels=pass_labels)
        self.columns = source.columns
        cells: dict[str, list[str]] = {name: [] for name in source.columns}
        for chunk in source.chunks():
            for name, column in chunk.columns.items():
                cells[name] += column
        problems.raise_if_any()
        self.rows = Rows(list(cells.values()))

    def __len__(self) -> int:
        return len(self.rows)

    def pairs(self, images_dir: str | os.PathLike[str],
              settings: NamesImages) -> Iterator[tuple[list[str], list[str]]]:
        """The files of each row.

        Args:
            images_dir: the folder that the CSV's paths start from.
            settings: with the lightings and the extension of image files.

        Yields:
            those of the compare and of the golden side.
        """
        places = [self.columns.index(name) for name in REQUIRED_COLUMNS]
        for row in self.rows:
            compare, golden, name = (row[place] for place in places)
            names = settings.file_names(name)
            yield ([os.path.join(images_dir, forward(compare), file) for file in names],
                   [os.path.join(images_dir, forward(golden), file) for file in names])

    def write_scores(self, path: str | os.PathLike[str], scores: Sequence[float]) -> None:
        """Write the rows with a column ``siamese_score`` as comma-separated UTF-8, whole or not at all.

        Args:
            path: the file; an older one is replaced.
            scores: one per row, NaN where there is none (an empty cell). A column of that name in the CSV is
                replaced.
        """
        texts = [float_text(score) for score in scores]
        place = self.columns.index(SCORE_COLUMN) if SCORE_COLUMN in self.columns else len(self.columns)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
        try:
            with temporary.open('w', encoding='utf-8', newline='') as file:
                writer = csv.writer(file, lineterminator='\n')
                writer.writerow([*self.columns[:place], SCORE_COLUMN, *self.columns[place + 1:]])
                writer.writerows([*row[:place], text, *row[place + 1:]]
                                 for row, text in zip(self.rows, texts, strict=True))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
