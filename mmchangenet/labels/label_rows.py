"""A label CSV as plain lists, for a line's computer: the rows that training reads, without pandas."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, overload

from .cells import REQUIRED_COLUMNS, forward
from .goldens import choose_goldens, list_folder
from .label_csv import LabelCsv
from .problems import Problems


class NamesImages(Protocol):
    """What knows the image files of an object, such as the runtime's settings.

    Attributes:
        num_golden: goldens that a part is compared with.
    """

    @property
    def num_golden(self) -> int:
        """Goldens that a part is compared with."""

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

        Returns:
            those of the compare and of the golden side; with several goldens per part those of the first, of
            the second and so on.

        Raises:
            LabelCsvError: when a folder of goldens cannot be used.
        """
        places = [self.columns.index(name) for name in REQUIRED_COLUMNS]
        goldens = self._goldens(places[1], images_dir, settings) if settings.num_golden > 1 else {}

        def files(folder: str, name: str) -> list[str]:
            return [os.path.join(images_dir, forward(folder), file) for file in settings.file_names(name)]

        def pair(compare: str, golden: str, name: str) -> tuple[list[str], list[str]]:
            names = goldens.get(golden, [name])
            return files(compare, name), [file for one in names for file in files(golden, one)]

        return (pair(*(row[place] for place in places)) for row in self.rows)

    def _goldens(self, place: int, images_dir: str | os.PathLike[str],
                 settings: NamesImages) -> dict[str, list[str]]:
        """The names of the goldens that stand for each golden folder."""
        problems, endings, found = Problems(self.path), settings.file_names(''), {}
        for number, row in enumerate(self.rows):
            if row[place] not in found:
                folder = os.path.join(images_dir, forward(row[place]))
                found[row[place]] = list_folder(folder, endings, number + 2, problems)
        problems.raise_if_any()
        return {folder: choose_goldens(names, settings.num_golden) for folder, names in found.items()}
