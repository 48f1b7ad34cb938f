"""Everything wrong with one label CSV, reported at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import NoReturn

LISTED = 20  # examples of one kind of problem in a report; the rest is counted


class LabelCsvError(ValueError):
    """A label CSV that cannot be used; the message lists everything wrong with it, by kind and line."""


class Problems:
    """What is wrong with one label CSV, collected to be reported at once.

    Args:
        path: the CSV, named in the report.

    Attributes:
        lines: the numbers of the lines with a problem.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.lines: set[int] = set()
        self._examples: dict[str, list[tuple[int, str]]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, line: int | None, what: str | Callable[[], str]) -> None:
        """Note a problem.

        Args:
            kind: what it is and how to mend it, the headline of all problems of this kind.
            line: line number in the file, from 1; None when it concerns the whole file.
            what: column and value, or a function giving them, called only when they are listed.
        """
        self._counts[kind] += 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < LISTED:
            examples.append((line or 0, what() if callable(what) else what))
        if line is not None:
            self.lines.add(line)

    def refuse(self, kind: str, line: int | None, what: str) -> NoReturn:
        """Note a problem that hides all others, and raise :class:`LabelCsvError`."""
        self.add(kind, line, what)
        raise self._error()

    def raise_if_any(self) -> None:
        """Raise :class:`LabelCsvError` with all that was noted."""
        if self._counts:
            raise self._error()

    def _error(self) -> LabelCsvError:
        report = [f'label CSV {self.path} cannot be used:']
        for kind, count in self._counts.items():
            report.append(f'  {kind} ({count}x)')
            report += [f'    line {line}: {what}' if line else f'    {what}'
                       for line, what in sorted(self._examples[kind])]
            if count > LISTED:
                report.append(f'    ... and {count - LISTED} more')
        return LabelCsvError('\n'.join(report))


def shorten(text: str) -> str:
    """At most 80 characters of a text, for a message."""
    return text if len(text) <= 80 else f'{text[:77]}...'
