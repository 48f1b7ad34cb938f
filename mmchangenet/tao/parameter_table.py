"""The table of the documentation, made of the table of parameters: ``python -m mmchangenet.tao.parameter_table``."""

from .parameters import PARAMETERS, SAME

HEADER = '| parameter | type, range | default | what it becomes |\n|---|---|---|---|\n'


def parameter_table():
    """Every parameter as a row of a Markdown table.

    Returns:
        str: the table with its header; where the published page has another default, it stands behind the current one.
    """
    return HEADER + ''.join(_row(parameter) for parameter in PARAMETERS.values())


def _row(parameter):
    names = ' / '.join(f'`{name}`' for name in (parameter.key, *parameter.aliases))
    default = _shown(parameter.default)
    if parameter.page is not SAME:
        default += f' (page: {_shown(parameter.page)})'
    text = parameter.becomes
    if parameter.ignored:
        text += f': {parameter.ignored}'
    for value, reason in parameter.refused.items():
        text += f'; {_shown(value)} is refused: {reason}'
    if parameter.only_if:
        text += f'; only with `{parameter.only_if[0]}: {_shown(parameter.only_if[1])}`'
    return f'| {names} | {parameter.kind.text} | {default} | {text} |\n'


def _shown(value):
    return '–' if value is None else str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == '__main__':
    print(parameter_table(), end='')
