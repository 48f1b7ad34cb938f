"""Who may import whom: the rooms in their order, and no circle among files.

Imports written as strings (``import_module('mmchangenet.models')``, ``custom_imports`` of configs) count as
imports, and so do those inside functions. The registry's locations do not, which are looked up when a config
is built, and neither do modules that another process is started with (``-m``).
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PACKAGE = 'mmchangenet'
UNSEEN = f'{PACKAGE}.<made-up name>'
ROOT = Path(__file__).parents[1] / PACKAGE

# Each room with all that it may import, from the bottom up. What several rooms have in common is named once.
BOTTOM = {'files', 'verdict', 'labels', 'imaging', 'version', 'build_all', 'exit_codes', 'thresholds'}
MIDDLE = BOTTOM | {'registry', 'structures', 'checkpoint'}
NETWORK = MIDDLE | {'models', 'datasets', 'evaluation', 'engine', 'visualization'}
MAY_IMPORT = {
    **dict.fromkeys(BOTTOM, frozenset()),
    'labels': {'files', 'verdict'},
    'thresholds': {'verdict'},
    **dict.fromkeys(('registry', 'structures', 'checkpoint'), BOTTOM),
    **dict.fromkeys(('models', 'datasets', 'evaluation', 'engine', 'visualization'), MIDDLE),
    'cfg_options': BOTTOM,
    'boards': BOTTOM,
    'runtime': BOTTOM,
    'export': NETWORK | {'runtime'},
    'deploy': NETWORK | {'runtime', 'export'},
    'apis': NETWORK | {'runtime', 'export', 'deploy', 'boards'},
    'tao': NETWORK | {'runtime', 'export', 'deploy', 'boards', 'apis'},
    'review': NETWORK | {'runtime', 'export', 'deploy', 'boards', 'apis', 'tao'},
}


def _name(path):
    parts = path.relative_to(ROOT.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


FILES = {_name(path): path for path in sorted(ROOT.rglob('*.py'))}


def _room(module):
    return module.split('.')[1] if '.' in module else ''


@cache
def imports(module):
    """[(line, imported module of the package)] of a module; one whose name is put together is UNSEEN."""
    path = FILES[module]
    package = module if path.name == '__init__.py' else module.rpartition('.')[0]
    found = []
    for node in _nodes(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split('.')[:len(package.split('.')) - node.level + 1] if node.level else []
            base = '.'.join([*above, *filter(None, [node.module])])
            found += [(node.lineno, name if (name := f'{base}.{alias.name}') in FILES else base)
                      for alias in node.names]
        elif module != f'{PACKAGE}.registry':
            found += [(node.lineno, name) for name in _written_as_text(node)]
    return [(line, name) for line, name in dict.fromkeys(found)
            if (name == UNSEEN or name in FILES) and name not in (module, PACKAGE)]


def _written_as_text(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        text = ''.join(part.value if isinstance(part, ast.Constant) else 'x' for part in node.values)
        return [UNSEEN] if re.fullmatch(rf'{PACKAGE}(\.\w+)+', text) else []
    return []


def _nodes(node):
    """All nodes of a tree but those of ``locations=``, of docstrings, of ``if TYPE_CHECKING``, and behind
    ``-m`` in a command."""
    yield node
    before = None
    for child in ast.iter_child_nodes(node):
        skipped = (isinstance(child, ast.keyword) and child.arg == 'locations'
                   or isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
                   or isinstance(child, ast.If) and ast.unparse(child.test) == 'TYPE_CHECKING'
                   or isinstance(before, ast.Constant) and before.value == '-m')
        if not skipped:
            yield from _nodes(child)
        before = child


def test_every_room_has_its_place():
    assert {_room(module) for module in FILES} - {''} - set(MAY_IMPORT) == set()


@pytest.mark.parametrize('room', sorted(MAY_IMPORT))
def test_a_room_imports_those_below(room):
    wrong = [f'{FILES[module].relative_to(ROOT.parent)}:{line} imports {name}'
             for module in FILES if _room(module) == room for line, name in imports(module)
             if name == UNSEEN or _room(name) not in {*MAY_IMPORT[room], room}]
    assert not wrong, '\n'.join(wrong)


def test_files_import_in_no_circle():
    circles = [sorted(circle) for circle in _circles() if len(circle) > 1]
    assert not circles, '\n'.join(' '.join(circle) for circle in circles)


def _circles():
    """Strongly connected files (Tarjan). That a package's ``__init__`` runs first is Python's business."""
    order, low, stack, found = {}, {}, [], []

    def visit(module):
        order[module] = low[module] = len(order)
        stack.append(module)
        for _, name in imports(module):
            if name != UNSEEN and name not in order:
                visit(name)
            if name in stack:
                low[module] = min(low[module], low[name])
        if low[module] == order[module]:
            circle = stack[stack.index(module):]
            del stack[stack.index(module):]
            found.append(circle)

    for module in FILES:
        if module not in order:
            visit(module)
    return found


def test_the_walk_sees_all_ways_to_import(tmp_path, monkeypatch):
    text = '''
        "mmchangenet.apis"
        from importlib import import_module
        import mmchangenet.models
        from mmchangenet import datasets
        from .sibling import name
        from . import other
        REGISTRY = Registry(locations=['mmchangenet.export'])
        def late():
            from mmchangenet.runtime import settings
            import_module('mmchangenet.deploy')
            import_module(f'mmchangenet.{part}')
        command = [python, '-m', 'mmchangenet.apis']
        mark = f'mmchangenet.{part}:input'
        custom_imports = dict(imports=['mmchangenet.tao'], allow_failed_imports=False)
        model = dict(type='mmchangenet.SomeClass')
    '''
    (tmp_path / 'a.py').write_text('\n'.join(line[8:] for line in text.splitlines()))
    seen = {f'{PACKAGE}.{name}' for name in (
        'models', 'datasets', 'x.sibling', 'x.other', 'runtime.settings', 'deploy', 'tao')}
    files = dict.fromkeys([*seen, f'{PACKAGE}.apis', f'{PACKAGE}.export', f'{PACKAGE}.runtime'])
    monkeypatch.setitem(globals(), 'FILES', files | {f'{PACKAGE}.x.a': tmp_path / 'a.py'})
    assert {name for _, name in imports(f'{PACKAGE}.x.a')} == seen | {UNSEEN}
