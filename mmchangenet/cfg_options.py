"""``KEY=VALUE`` on a command line: MMEngine's grammar, with blanks in values kept."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

_BLANK = '\0'  # stands for a blank while MMEngine's parser removes them; no argument can hold it


class CfgOptions(DictAction):
    """Argparse's action of ``--cfg-options``: ``KEY=VALUE`` with numbers, True, False, None, lists and texts.

    MMEngine's removes all blanks, so that ``data_root=my images`` becomes ``myimages``, and ends in a stack
    trace at a missing ``=`` or bracket.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
        >>> parser.parse_args(['--cfg-options', 'data_root=my images', 'size=[8, 8]']).cfg_options
        {'data_root': 'my images', 'size': [8, 8]}
    """

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: str | Sequence[Any] | None,
                 option_string: str | None = None) -> None:
        """Add the options to those before."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for item in values or []:
            key, equals, value = item.partition('=')
            if not equals or not key.strip():
                parser.error(f'{option_string}: {item!r} is not KEY=VALUE')
            try:
                options[key.strip()] = parse_value(value)
            except AssertionError as error:  # MMEngine's, about brackets
                parser.error(f'{option_string}: {item!r}: {error}')
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> Any:
    """What a ``VALUE`` means."""
    text = re.sub(r'(?<=[,\[(])\s+|\s+(?=[,\])])', '', text.strip())  # between the parts of a list
    return _with_blanks(DictAction._parse_iterable(text.replace(' ', _BLANK)))


def _with_blanks(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(_with_blanks, value))
    return value.replace(_BLANK, ' ') if isinstance(value, str) else value
