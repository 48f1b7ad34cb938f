"""The config that a checkpoint was trained with, read as text: it is never run."""

import ast


def read_config_text(text):
    """The assignments of a dumped config.

    Args:
        text (str): MMEngine's ``Config.pretty_text``, as checkpoints keep it.

    Returns:
        dict: name → value; what is not a literal stays source text. Empty when it is not such a text.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, TypeError, ValueError, RecursionError):
        return {}
    return {statement.targets[0].id: _value(statement.value) for statement in tree.body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)}


def _value(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {str(_value(key)): _value(item) for key, item in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and getattr(node.func, 'id', None) == 'dict' and not node.args:
        return {keyword.arg: _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value
    return ast.unparse(node)


def model_differences(text, config):
    """Where the model of a dumped config differs from that of a config at hand.

    Args:
        text (str): the dumped config.
        config (dict): the config at hand, with ``model``.

    Returns:
        list[str]: one line a differing value, ``model.backbone.arch: 'a' there, 'b' here``.
    """
    there, here = read_config_text(text).get('model'), config.get('model')
    if not (isinstance(there, dict) and isinstance(here, dict)):
        return []
    there, here = dict(_leaves(there, 'model')), dict(_leaves(here, 'model'))
    return [f'{key}: {_show(there, key)} there, {_show(here, key)} here'
            for key in {**there, **here} if there.get(key) != here.get(key) and '.init_cfg' not in key]


def _leaves(value, where):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f'{where}.{key}')
    else:
        yield where, _listed(value)


def _listed(value):
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _show(leaves, key):
    return repr(leaves[key]) if key in leaves else 'not set'
