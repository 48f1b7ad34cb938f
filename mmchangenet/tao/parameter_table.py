"""The table of the documentation, made of the table of parameters: ``python -m
mmchangenet.tao.parameter_table``.
"""

from __future__ import annotations

from typing import Any

from .parameters import PARAMETERS, SAME, Parameter

HEADER = '| parameter | type, range | default | what it becomes |\n|---|---|---|---|\n'


def parameter_table() -> str:
    """Every parameter as a row of a Markdown table.

    Returns:
        The table with its header; defaults of other releases stand behind those of 6.25.
    """
    return HEADER + ''.join(_row(parameter) for parameter in PARAMETERS.values())


def _row(parameter: Parameter) -> str:
    names = ' / '.join(f'`{name}`' for name in (parameter.key, *parameter.aliases))
    default = _shown(parameter.default)
    others = [
        f'{when}: {_shown(value)}' for when, value in (('before 6.25', parameter.page),
                                                       ('7.x', parameter.seven)) if value is not SAME
    ]
    if others:
        default += f' ({"; ".join(others)})'
    text = parameter.becomes
    if parameter.ignored:
        text += f': {parameter.ignored}'
    for reason in dict.fromkeys(parameter.refused.values()):
        values = [_shown(value) for value, given in parameter.refused.items() if given == reason]
        text += f'; {", ".join(values)}: refused, {reason}'
    if parameter.only_if:
        text += f'; only with `{parameter.only_if[0]}: {_shown(parameter.only_if[1])}`'
    return f'| {names} | {parameter.kind.text} | {default} | {text} |\n'


def _shown(value: Any) -> str:
    return '–' if value is None else str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == '__main__':
    print(parameter_table(), end='')
