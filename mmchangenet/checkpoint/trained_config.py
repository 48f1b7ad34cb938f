"""The config that a checkpoint was trained with, read as text: it is never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def read_config_text(text: object) -> dict[str, Any]:
    """The assignments of a dumped config.

    Args:
        text: MMEngine's ``Config.pretty_text``, as checkpoints keep it.

    Returns:
        name → value; what is not a literal stays source text. Empty when it is not such a text.
    """
    try:
        tree = ast.parse(text) if isinstance(text, str) else ast.Module([], [])
    except (SyntaxError, TypeError, ValueError, RecursionError):
        return {}
    return {statement.targets[0].id: _value(statement.value) for statement in tree.body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)}


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {
            str(_value(key)): _value(item)
            for key, item in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.Call) and getattr(node.func, 'id', None) == 'dict' and not node.args:
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(
            node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, (int, float)) else ast.unparse(node)
    return ast.unparse(node)


def model_differences(text: object, config: Mapping[str, Any]) -> list[str]:
    """Where the model of a dumped config differs from that of a config at hand; see
    ``config_differences``.
    """
    return config_differences(text, config, ('model', )) if read_config_text(text).get('model') else []


def config_differences(text: object, config: Mapping[str, Any], entries: Sequence[str]) -> list[str]:
    """Where some entries of a dumped config differ from those of a config at hand.

    Args:
        text: the dumped config; anything else than one differs nowhere.
        config: the config at hand.
        entries: which to compare. Where weights were first initialised from is left out.

    Returns:
        one line a differing value, ``model.backbone.arch: 'a' there, 'b' here``.
    """
    dumped = read_config_text(text)
    if not dumped:
        return []
    there, here = ({
        key: value
        for entry in entries
        if entry in source
        for key, value in _leaves(source[entry], entry)
    }
                   for source in (dumped, config))
    return [f'{key}: {_show(there, key)} there, {_show(here, key)} here'
            for key in {**there, **here} if there.get(key) != here.get(key) and '.init_cfg' not in key]


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f'{where}.{key}')
    else:
        yield where, _listed(value)


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _show(leaves: Mapping[str, Any], key: str) -> str:
    return repr(leaves[key]) if key in leaves else 'not set'
