"""What a label means: PASS is good, every other label is the name of a defect."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from .problems import shorten

GOOD_LABEL = 'PASS'
COUNTED = 20  # labels listed with their counts


class PassRule:
    """Which labels are PASS: ``PASS`` itself and those given, in upper or lower case.

    Args:
        pass_labels: further labels that mean PASS, such as ``['OK']``; whole numbers mean their digits.

    Raises:
        ValueError: when it is no list of labels.
    """

    def __init__(self, pass_labels: Iterable[str | int] = ()) -> None:
        if isinstance(pass_labels, str) or not isinstance(pass_labels, Iterable):
            raise ValueError(f'pass_labels={pass_labels!r}: give a list of the labels that mean PASS, as in '
                             '["OK"]')
        labels = [GOOD_LABEL, *pass_labels]
        if wrong := [label for label in labels
                     if not isinstance(label, (str, int)) or isinstance(label, bool)
                     or not str(label).strip()]:
            raise ValueError(f'pass_labels={labels[1:]!r}: {wrong[0]!r} is no label')
        self._spellings = {str(label).strip().lower() for label in labels}
        self._looks = {_look(spelling) for spelling in self._spellings}

    def is_pass(self, label: str) -> bool:
        """Whether a label means PASS; blanks around it do not matter."""
        return label.strip().lower() in self._spellings

    def is_doubtful(self, label: str) -> bool:
        """Whether a label looks like PASS but is not: full-width letters, invisible characters."""
        return not label.isascii() and not self.is_pass(label) and _look(label) in self._looks

    def rewritten(self, labels: list[str]) -> list[str]:
        """The labels with ``PASS`` for every one that means it."""
        passed = {label for label in set(labels) if label != GOOD_LABEL and self.is_pass(label)}
        return [GOOD_LABEL if label in passed else label for label in labels] if passed else labels


def _look(label: str) -> str:
    """Full-width letters as plain ones, without what is not seen."""
    plain = unicodedata.normalize('NFKC', label)
    return ''.join(c for c in plain if unicodedata.category(c) != 'Cf').strip().lower()


def look_alikes(labels: Iterable[str]) -> list[list[str]]:
    """Groups of labels that differ only in case, full-width letters or what cannot be seen."""
    groups: dict[str, list[str]] = {}
    for label in sorted(labels):
        groups.setdefault(_look(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def counted(counts: Mapping[str, int]) -> str:
    """Labels with their counts for a message, the most frequent first; what cannot be seen is escaped."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f' and {len(ordered) - COUNTED} more' if len(ordered) > COUNTED else ''
    return ', '.join(f'{shorten(repr(label))} ({count}x)' for label, count in ordered[:COUNTED]) + more


def no_pass_message(counts: Mapping[str, int]) -> str:
    """What to say where no row is PASS.

    Args:
        counts: label → number of rows.
    """
    return (f'no row is labelled {GOOD_LABEL}; the labels are {counted(counts)}. If one of them means '
            f'{GOOD_LABEL}, say so with pass_labels, as in pass_labels=["OK"]')
