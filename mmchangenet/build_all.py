"""Building several things before complaining of any, so that a user mends all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar('T')


def build_all(builders: Iterable[Callable[[], T]]) -> list[T]:
    """Call every builder, also after one has failed.

    Args:
        builders: to be called without arguments.

    Returns:
        what they built, in order.

    Raises:
        ValueError, OSError: the error as it was when there is one; else a ValueError with the messages of
            all, each once.
    """
    built, errors = [], []
    for build in builders:
        try:
            built.append(build())
        except (ValueError, OSError) as error:
            errors.append(error)
    messages = list(dict.fromkeys(map(str, errors)))
    if len(messages) > 1:
        raise ValueError('\n'.join(messages)) from errors[0]
    if errors:
        raise errors[0]
    return built
