"""Types and ranges of spec parameters, each with the words that name it in messages and in the documentation."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """What a value may be.

    Attributes:
        text (str): how messages and the documentation call it.
        take (Callable): gives the value as it is used; raises ValueError when it is none of this kind.
    """

    text: str
    take: Callable[[Any], Any]


def integer(least=None):
    """A whole number."""

    def take(value):
        if type(value) is not int or (least is not None and value < least):
            raise ValueError
        return value

    return Kind('int' if least is None else f'int ≥ {least}', take)


def number(least=None, above=None, most=None):
    """A finite number."""
    limits = [f'{sign} {limit:g}' for sign, limit in (('≥', least), ('>', above), ('≤', most)) if limit is not None]

    def take(value):
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError
        if (least is not None and value < least) or (above is not None and value <= above) or (
                most is not None and value > most):
            raise ValueError
        return float(value)

    return Kind(' '.join(['float', ', '.join(limits)]).strip(), take)


def flag():
    """True or false."""

    def take(value):
        if type(value) is not bool:
            raise ValueError
        return value

    return Kind('bool', take)


def text():
    """A string that is not empty."""

    def take(value):
        if not isinstance(value, str) or not value:
            raise ValueError
        return value

    return Kind('str', take)


def choice(*names):
    """One of some names or numbers."""

    def take(value):
        if isinstance(value, bool) or value not in names:
            raise ValueError
        return value

    return Kind('one of ' + ', '.join(map(str, names)), take)


def items(kind, length=None):
    """A list of values of one kind."""

    def take(value):
        if not isinstance(value, list) or not value or (length is not None and len(value) != length):
            raise ValueError
        return [kind.take(item) for item in value]

    return Kind(f'list of {kind.text}' if length is None else f'list of {length} × {kind.text}', take)


def mapping(kind):
    """A dict of names → values of one kind."""

    def take(value):
        if not isinstance(value, dict) or not value:
            raise ValueError
        return {str(name): kind.take(item) for name, item in value.items()}

    return Kind(f'dict of name → {kind.text}', take)


def anything():
    """What is only passed over."""
    return Kind('any', lambda value: value)
