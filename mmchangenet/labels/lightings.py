"""Lightings: which names they may have, their order, and what their image files are called."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from .problems import shorten

NAME_RULE = ('A lighting name starts with a letter or a digit and goes on with letters, digits, blanks and _ '
             '- + . ( ), without a blank at its end, at most 64 characters')
_MARKS, _LONGEST = set(' _-+.()'), 64


def check_lighting_names(names: Iterable[object], where: str = 'input_map') -> None:
    """Whether names of lightings can be used in file names and configs; see :data:`NAME_RULE`.

    Args:
        names: those of one side, each once.
        where: what they come from (key, file), for the message.

    Raises:
        ValueError: with every name that cannot be used, and those that are there twice.
    """
    if wrong := _name_faults(list(names)):
        raise ValueError(f'{where}: {"; ".join(wrong)}. {NAME_RULE}; each is there once')


def _name_faults(names: list[object]) -> list[str]:
    counts = Counter(name for name in names if isinstance(name, str))
    return [*(f'{_quote(name)} is no lighting name' for name in names if not _is_lighting_name(name)),
            *(f'{_quote(name)} is there {count} times' for name, count in counts.items() if count > 1)]


def _is_lighting_name(name: object) -> bool:
    """See :data:`NAME_RULE`; a letter may be of any script and carry combining marks."""
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or name.endswith(' '):
        return False
    kinds = [unicodedata.category(character)[0] for character in name]
    return kinds[0] in 'LN' and all(kind in 'LNM' or character in _MARKS
                                    for kind, character in zip(kinds, name, strict=True))


def ordered_lightings(input_map: dict[str, int] | None) -> tuple[str, ...] | None:
    """The names of the lightings in the order of their positions.

    Args:
        input_map: lighting name → position; each of 0 to L - 1 once. None: one image a side.

    Returns:
        L names; None without an ``input_map``.

    Raises:
        ValueError: naming every gap, repeat and position that is no whole number, and every unusable name.
    """
    if input_map is None:
        return None
    if not isinstance(input_map, dict):
        raise ValueError(f'input_map {input_map!r} is no dict: give each name its position, as in '
                         'dict(Top=0, Side=1)')
    wrong = _name_faults(list(input_map))
    rule = f'. {NAME_RULE}' if wrong else ''
    wrong += [f'{_quote(name)} has position {_quote(position)}, which is no whole number'
              for name, position in input_map.items()
              if not isinstance(position, int) or isinstance(position, bool)]
    if not wrong:
        count = Counter(input_map.values())
        wrong += [f'position {p} is given {n} times ({", ".join(k for k, v in input_map.items() if v == p)})'
                  for p, n in sorted(count.items()) if n > 1]
        wrong += [f'position {p} is missing' for p in range(len(input_map)) if p not in count]
        wrong += [f'position {p} ({k!r}) is out of range'
                  for k, p in input_map.items() if not 0 <= p < len(input_map)]
    if wrong or not input_map:
        raise ValueError(f'input_map {_quote(dict(input_map))}: {"; ".join(wrong) or "it is empty"}{rule}. '
                         'Give every lighting name its position, 0 to the number of lightings - 1, each '
                         'once; or None for one image without suffix')
    return tuple(sorted(input_map, key=input_map.__getitem__))


def image_names(object_name: str, lightings: Iterable[str] | None, image_ext: str) -> list[str]:
    """The names of an object's image files, per lighting.

    Args:
        object_name: the cell of the label CSV.
        lightings: their names in order, of :func:`ordered_lightings`; None: one image a side, no suffix.
        image_ext: extension of the files, with its dot.
    """
    suffixes = [''] if lightings is None else [f'_{name}' for name in lightings]
    return [f'{object_name}{suffix}{image_ext}' for suffix in suffixes]


def _quote(value: object) -> str:
    return shorten(repr(value))
