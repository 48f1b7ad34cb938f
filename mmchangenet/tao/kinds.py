"""Types and ranges of spec parameters, each with the words that name it in messages and in the
documentation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .releases import RELEASES, release_of

MOST = 2**31 - 1  # of whole numbers
LONGEST, LONGEST_NAME = 4000, 255  # of paths and of names in them

@dataclass(frozen=True)
class Kind:
    """What a value may be.

    Attributes:
        text: how messages and the documentation call it.
        take: gives the value as it is used; raises ValueError when it is none of this kind.
    """

    text: str
    take: Callable[[Any], Any]


def integer(least: int | None = None) -> Kind:
    """A whole number."""

    def take(value: Any) -> int:
        if type(value) is not int or abs(value) > MOST or (least is not None and value < least):
            raise ValueError
        return value

    return Kind('int' if least is None else f'int ≥ {least}', take)


def number(least: float | None = None, above: float | None = None, most: float | None = None) -> Kind:
    """A finite number."""
    limits = [
        f'{sign} {limit:g}' for sign, limit in (('≥', least), ('>', above), ('≤', most)) if limit is not None
    ]

    def take(value: Any) -> float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError
        if (least is not None and value < least) or (above is not None and value <= above) or (
                most is not None and value > most):
            raise ValueError
        return float(value)

    return Kind(' '.join(['float', ', '.join(limits)]).strip(), take)


def flag() -> Kind:
    """True or false."""

    def take(value: Any) -> bool:
        if type(value) is not bool:
            raise ValueError
        return value

    return Kind('bool', take)


def text() -> Kind:
    """A string that is not empty, in one line, that can be a path."""

    def take(value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
            raise ValueError
        if max(len(name.encode()) for name in value.split('/')) > LONGEST_NAME:
            raise ValueError
        return value

    return Kind('str', take)


def choice(*names: str | int) -> Kind:
    """One of some names or numbers."""

    def take(value: Any) -> str | int:
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value not in names:
            raise ValueError
        return value

    return Kind('one of ' + ', '.join(map(str, names)), take)


def items(kind: Kind, length: int | None = None) -> Kind:
    """A list of values of one kind."""

    def take(value: Any) -> list[Any]:
        if not isinstance(value, list) or not value or (length is not None and len(value) != length):
            raise ValueError
        return [kind.take(item) for item in value]

    return Kind(f'list of {kind.text}' if length is None else f'list of {length} × {kind.text}', take)


def mapping(kind: Kind) -> Kind:
    """A dict of names → values of one kind."""

    def take(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            raise ValueError
        return {str(name): kind.take(item) for name, item in value.items()}

    return Kind(f'dict of name → {kind.text}', take)


def release() -> Kind:
    """A release of the toolkit, as text or as the number that YAML makes of it."""

    def take(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError
        return release_of(str(value))

    return Kind(f'one of the releases {", ".join(RELEASES)}', take)


def anything() -> Kind:
    """What is only passed over."""
    return Kind('any', lambda value: value)
