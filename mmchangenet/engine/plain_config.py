"""Configs as data: what stands in one never becomes code, however it is written down and read again."""

from __future__ import annotations

import json
from keyword import iskeyword
from pathlib import Path
from typing import Any

from mmengine.config import Config

WIDTH = 90  # of lines
TEMPLATE = '{{'  # begins what MMEngine replaces in the text of a config before it reads it


class PlainConfig(Config):
    """MMEngine's ``Config``, written down so that it reads back as it is.

    MMEngine's own text quotes no key and leaves ``{{ fileDirname }}`` and ``{{$HOME:x}}`` in strings, which
    are replaced when it is read: a name or a path could be a program. Here keys that are no names, and all
    values, are their ``repr``, and ``{{`` is written as an escape.
    """

    @property
    def pretty_text(self) -> str:
        """The config as Python literals."""
        content = self.to_dict()
        text = '\n'.join(f'{key} = {_source(content[key])}' for key in sorted(filter(_is_name, content)))
        return text.replace(TEMPLATE, r'{\x7b') + '\n'

    @property
    def json_text(self) -> str:
        """The config as JSON, which MMEngine and its tools read, too; tuples become lists."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, default=str)
        return text.replace(TEMPLATE, r'\u007b\u007b') + '\n'

    def dump(self, file: str | Path | None = None) -> str | None:
        """As MMEngine's; ``.py`` files hold literals, all others JSON."""
        text = self.pretty_text if file is None or str(file).endswith('.py') else self.json_text
        if file is None:
            return text
        Path(file).write_text(text, encoding='utf-8')
        return None


def _source(value: Any, indent: str = '') -> str:
    """A value as Python; what is no container is its ``repr``."""
    inner = f'{indent}    '
    if isinstance(value, dict) and value:
        named = all(map(_is_name, value))
        items = [f'{key}={_source(item, inner)}' if named else f'{key!r}: {_source(item, inner)}'
                 for key, item in value.items()]
        start, end = ('dict(', ')') if named else ('{', '}')
    elif isinstance(value, (list, tuple)) and value:
        items = [_source(item, inner) for item in value]
        start, end = '[]' if isinstance(value, list) else ('(', ', )' if len(value) == 1 else ')')
    else:
        return repr(value)
    text = f'{start}{", ".join(items)}{end}'
    if len(indent) + len(text) <= WIDTH and '\n' not in text:
        return text
    return f'{start}\n{inner}' + f',\n{inner}'.join(items) + f'{end.replace(", ", ",")}'


def _is_name(key: Any) -> bool:
    return isinstance(key, str) and key.isidentifier() and not iskeyword(key)


def plain(config: Config) -> PlainConfig:
    """A config as data, whatever file it is from."""
    if isinstance(config, PlainConfig):
        return config
    return PlainConfig(config.to_dict(), cfg_text=config.text, filename=config.filename)


def read_plain(file: str | Path) -> PlainConfig:
    """Read what ``json_text`` gave, letter by letter: nothing in it is replaced or run."""
    return PlainConfig(json.loads(Path(file).read_text(encoding='utf-8')))
