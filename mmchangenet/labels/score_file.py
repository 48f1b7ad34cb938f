"""Score files: a label CSV's own rows in their order with the network's scores, written as they come.

Until all rows are in it, the file is called ``<name>.partial``. A run that was stopped leaves that, and can
go on from there.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmchangenet.files import check_output, sync_folder, write_text

SCORE_COLUMN, CLASS_COLUMN = 'siamese_score', 'predicted_class'
PARTIAL, STATE = '.partial', '.partial.json'


class ScoreFileError(ValueError):
    """A score file that cannot be written or gone on with."""


def float_text(value: float) -> str:
    """A float32 number as text that reads back as the same float32; empty for NaN and infinities."""
    return f'{value:.9g}' if math.isfinite(value) else ''


def probability_column(name: str) -> str:
    """The column of a class's probability."""
    return f'probability_{name}'


def refuse_leftovers(path: str | os.PathLike[str]) -> None:
    """
    Raises:
        ScoreFileError: when a stopped run left scores of a file of that name, which are not to be lost.
    """
    if os.path.exists(f'{path}{PARTIAL}'):
        raise ScoreFileError(f'{path}{PARTIAL} holds what a stopped run scored: go on with it (--resume of '
                             'mmchangenet.runtime), or delete it')


class ScoreFile:
    """Writes rows with their scores as comma-separated UTF-8.

    Args:
        path: the file; an older one is replaced when the last row is written.
        columns: of the label CSV. Columns of a score file among them are replaced.
        class_names: PASS first; with more than two, the predicted class and the probabilities are columns
            too.
        state: what the scores depend on; a run is only gone on with where it is the same.
        resume: go on with what a stopped run left.
        inputs: files that must not be overwritten.

    Attributes:
        done: rows that are in the file.

    Raises:
        OutputError: when the file cannot be written or is an input.
        ScoreFileError: when a stopped run left scores and ``resume`` is not given, or they are of another
            run.
    """

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[str], class_names: Sequence[str] = (),
                 state: dict[str, Any] | None = None, resume: bool = False,
                 inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
        check_output(path, inputs)
        self.path = Path(os.path.abspath(path))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.partial, self._state = Path(f'{self.path}{PARTIAL}'), Path(f'{self.path}{STATE}')
        own = [SCORE_COLUMN]
        if len(class_names) > 2:
            own += [CLASS_COLUMN, *map(probability_column, class_names)]
        self._places = [place for place, name in enumerate(columns) if name not in own]
        score_place = list(columns).index(SCORE_COLUMN) if SCORE_COLUMN in columns else len(columns)
        self._before = sum(place < score_place for place in self._places)
        self._own = own
        names = [columns[place] for place in self._places]
        self._header = [*names[:self._before], *own, *names[self._before:]]
        self.done = self._begin(json.dumps(state or {}, sort_keys=True), resume)

    def _begin(self, state: str, resume: bool) -> int:
        """Open the partial file; the number of rows that are in it."""
        if not resume:
            refuse_leftovers(self.path)
        done = self._rows_left(state) if self.partial.exists() else None
        self._stream = open(self.partial, 'a' if done is not None else 'w', encoding='utf-8', newline='')  # noqa: SIM115
        self._writer = csv.writer(self._stream, lineterminator='\n')
        if done is None:
            write_text(state, self._state)
            self._writer.writerow(self._header)
            self._stream.flush()
        return done or 0

    def _rows_left(self, state: str) -> int | None:
        """Rows that a stopped run of the same state left, cut behind the last whole line; None without a
        header.
        """
        if not self._state.exists() or self._state.read_text(encoding='utf-8') != state:
            raise ScoreFileError(
                f'{self.partial} is of another label CSV, network or image folder: delete it, or choose '
                'another --out')
        content = self.partial.read_bytes()
        whole = content.rfind(b'\n') + 1
        if whole < len(content):
            os.truncate(self.partial, whole)
        header = io.StringIO()
        csv.writer(header, lineterminator='\n').writerow(self._header)
        if not content.startswith(header.getvalue().encode()):
            return None
        return content.count(b'\n', 0, whole) - 1

    def scored_before(self) -> list[tuple[float, str | None, tuple[float, ...] | None]]:
        """Score (NaN without one), class and probabilities of the rows that a stopped run left."""
        with open(self.partial, encoding='utf-8', newline='') as stream:
            rows = list(csv.reader(stream))[1:]
        found = []
        for row in rows:
            score, *others = row[self._before:self._before + len(self._own)]
            probabilities = tuple(float(text) if text else math.nan for text in others[1:])
            found.append((float(score) if score else math.nan, others[0] or None if others else None,
                          probabilities if others else None))
        return found

    def append(
        self,
        rows: Iterable[Sequence[str]],
        scores: Iterable[float],
        classes: Iterable[str | None] = (),
        probabilities: Iterable[Sequence[float] | None] = ()
    ) -> None:
        """Write the next rows, to the operating system at once.

        Args:
            rows: their cells in the label CSV's columns.
            scores: one per row, NaN where there is none (an empty cell).
            classes, probabilities: one per row, with more than two classes.
        """
        texts = [[float_text(score)] for score in scores]
        if len(self._own) > 1:
            for text, name, shares in zip(texts, classes, probabilities, strict=True):
                text += [name or '', *map(float_text, shares or [math.nan] * (len(self._own) - 2))]
        before = self._before
        for row, text in zip(rows, texts, strict=True):
            cells = [row[place] for place in self._places]
            self._writer.writerow([*cells[:before], *text, *cells[before:]])
            self.done += 1
        self._stream.flush()

    def finish(self) -> None:
        """Give the complete file its name."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        os.replace(self.partial, self.path)
        self._state.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def close(self) -> None:
        """Leave the partial file as it is."""
        self._stream.close()
