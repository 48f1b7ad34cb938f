"""Reading the YAML of a spec: of a size and shape that a spec can have, nothing in it run."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

MOST_BYTES, MOST_DEPTH, MOST_NODES = 200_000, 40, 20_000  # published specs: 5,000, 6 and 300
MOST_INTERPOLATIONS = 200
_Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class SpecError(ValueError):
    """A spec that cannot be run; the message lists everything that is wrong with it."""


def load_spec(file: str | Path) -> DictConfig:
    """The content of a spec, interpolations unresolved.

    Raises:
        FileNotFoundError: when there is no such file.
        SpecError: when it is not a spec: no YAML, no sections, or larger or deeper than any spec.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f'there is no spec {file}')
    with open(file, 'rb') as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SpecError(f'{file} is not a spec: it has more than {MOST_BYTES:,} bytes')
    try:
        text = content.decode('utf-8-sig')
        _check_shape(text, str(file))
        tree = OmegaConf.load(io.StringIO(text))
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, OSError, RecursionError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f'{file} is not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(tree, DictConfig) or not tree:
        raise SpecError(f'{file} is not a spec: it has no sections such as model, dataset, train')
    return tree


def _check_shape(text: str, file: str) -> None:
    """Depth, and number of nodes with every alias counted as what it stands for."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]  # anchor and nodes so far
    for event in yaml.parse(text, Loader=_Loader):
        nodes = 1
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 0))
            if len(open_nodes) > MOST_DEPTH:
                raise SpecError(f'{file} is not a spec: line {_line(event)} is nested more than '
                                f'{MOST_DEPTH} deep')
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, inside = open_nodes.pop()
            nodes += inside
            if anchor is not None:
                sizes[anchor] = nodes
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise SpecError(f'{file} is not a spec: line {_line(event)}: *{event.anchor} stands for '
                                'nothing, or for what it is in itself')
            nodes = sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                sizes[event.anchor] = 1
        else:
            continue
        anchor, inside = open_nodes[-1]
        open_nodes[-1] = anchor, inside + nodes
        if inside + nodes > MOST_NODES:
            raise SpecError(f'{file} is not a spec: it holds more than {MOST_NODES:,} values')
    if text.count('${') > MOST_INTERPOLATIONS:
        raise SpecError(f'{file} is not a spec: it has more than {MOST_INTERPOLATIONS} interpolations')


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def read_overrides(overrides: list[str]) -> tuple[DictConfig, list[str], list[str]]:
    """Command-line changes of a spec, in Hydra's spellings.

    Args:
        overrides: ``key=value``, ``+key=value``, ``++key=value`` (all the same here: the table of parameters
            tells what exists), ``~key`` and ``~key=value`` (takes it away).

    Returns:
        The values; the keys that are taken away; the keys that are given as a whole dict.

    Raises:
        SpecError: naming what is no override.
    """
    wrong = [
        item for item in overrides
        if not re.fullmatch(r'(\+{0,2}[^+~=\s][^=\s]*=.*|~[^=\s]+(=.*)?)', item, re.DOTALL)
    ]
    if wrong:
        raise SpecError(f'overrides are written dotted.key=value; this is none: {", ".join(wrong)}')
    values: DictConfig = OmegaConf.create({})
    removed: list[str] = []
    whole: list[str] = []
    for item in overrides:
        key, _, value = item.partition('=')
        if key.startswith('~'):
            removed.append(key[1:])
            continue
        key = key.lstrip('+')
        try:
            if len(value) > MOST_BYTES:
                raise SpecError(f'{key} on the command line has more than {MOST_BYTES:,} characters')
            _check_shape(value, 'the command line')
            given = OmegaConf.from_dotlist([f'value={_spaced(value)}'])
            node: Any = OmegaConf.to_container(given)['value']  # type: ignore[index, call-overload]
            if isinstance(node, dict):
                whole.append(key)
            OmegaConf.update(values, key, node, merge=False, force_add=True)
        except SpecError:
            raise
        except (yaml.YAMLError, OmegaConfBaseException, ValueError, TypeError, AttributeError, KeyError,
                IndexError, RecursionError) as error:
            raise SpecError(f'the override {item[:200]} cannot be read: {first_line(error)}') from error
    return values, removed, whole


def _spaced(value: str) -> str:
    """``{A:0,B:1}`` as YAML has it: with a blank behind the colon. Quoted text stays as it is."""
    if not value.startswith('{'):
        return value
    parts = re.split(r"""('[^']*'|"[^"]*"|\$\{[^}]*\})""", value)
    return ''.join(
        part if number % 2 else re.sub(r':(?=[^\s])', ': ', part) for number, part in enumerate(parts))


def first_line(error: object) -> str:
    """What an error says, without what follows on further lines."""
    return str(error).strip().split('\n', 1)[0][:500]
