"""Specs and overrides that somebody gets wrong, or writes to do harm: published ones, changed in one to three
places.

``python tests/stress/hostile_specs.py 10000`` tries so many and counts what became of them.
"""

from __future__ import annotations

import copy
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from mmengine.config import Config

from mmchangenet.checkpoint import CheckpointError
from mmchangenet.tao.config import build_config
from mmchangenet.tao.devices import devices_of
from mmchangenet.tao.experiment import write_experiment
from mmchangenet.tao.spec import SpecError, read_spec

SPECS = Path(__file__).parents[1] / 'tao/specs'
ACTIONS = ('train', 'evaluate', 'inference', 'export', 'quantize')
MOST_SECONDS = 20.0  # a hang; how fast it is, two seconds at most, is for an idle machine to say
MARK = 'PWNED'
CODE = (  # what would run if text became Python, or was replaced by MMEngine
    f"a': open('{MARK}','w').write('x'), 'b", f'a": open("{MARK}","w").write("x"), "b',
    f"'+open('{MARK}','w').write('x')+'", f"{{{{$NOPE:'+open('{MARK}','w').write('x')+'}}}}",
    f'{{{{$HOME:\\\'}}}}"+open("{MARK}","w").write("x")+"', '{{ fileDirname }}', '{{$HOME:x}}',
    '{{_base_.model}}', '{{{$HOME:x}}}', f'__import__("os").system("touch {MARK}")', f'$(touch {MARK})',
    f'`touch {MARK}`', f'; touch {MARK}', f'x\n{MARK} = open("{MARK}", "w")', "'''", '"""', '\\', "\\'",
    '_delete_', '_base_', '_scope_', '__class__', '{0.__class__}', '%s%n', '${', '$${x}', '\\${x}',
    '${nowhere}', '${oc.env:HOME}', '${results_dir}', '${model}', '../../../../etc/passwd', '/dev/null', '-',
    '--help', '~', '*', '&a', '!!python/name:os.system')
ODD = ('', ' ', '\t', '\x00', '\u200b', '\ufeff', 'ＯＫ', 'x' * 5000, 'none', 'null', 'yes', 'no', 'inf',
       '.nan', '1e400', '0x10')
VALUES: tuple[Any, ...] = (None, True, False, 0, -1, 1, 2, 3, 10**400, -10**400, 0.5, 1e300, float('nan'),
                           float('inf'), [], {}, [[]], [1, 'x'], {'a': 1}, {'a': {'b': 2}}, ['x'] * 50, [
                               10**9
                           ], *CODE, *ODD)
RAW = (b'\xff\xfe', b'\x00', b'[' * 3000, b'{a: ' * 3000, b'- ' * 3000, b'a: &a [*a]\n',
       b'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n'
       b'd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n',
       b'!!python/object/apply:os.system ["touch PWNED"]\n', b'a: !!python/object/new:os.system ["touch '
       b'PWNED"]\n', b'\ttrain: 1\n', b'train: 1\ntrain: 2\n', b'%YAML 9.9\n---\n', b'--- 1\n--- 2\n',
       b'? [a, b]\n: c\n', b'a: b: c\n', b'"\n', b'<<: *nowhere\n', b'x: ' + b'9' * 5000 + b'\n',
       b'x: !!binary aGk=\n', b'x: !!timestamp 2024-01-01\n', b'x: !!set {a, b}\n')


class Case(NamedTuple):
    """One attempt: the bytes of a spec, overrides, the action."""

    content: bytes
    overrides: list[str]
    action: str


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """So many attempts, the same ones for the same seed."""
    draw = random.Random(seed)
    published = [_read(file) for file in sorted(SPECS.glob('*.yaml'))]
    for _ in range(count):
        original = draw.choice(published)
        tree = copy.deepcopy(original)
        for _ in range(draw.randint(0, 3)):
            _change(tree, draw)
        content = yaml.safe_dump(tree, allow_unicode=draw.random() < 0.5, sort_keys=False).encode()
        if draw.random() < 0.15:
            content = _damaged(content, draw)
        overrides = [_override(tree, draw) for _ in range(draw.choice((0, 0, 1, 2)))]
        yield Case(content, overrides, draw.choice([action for action in ACTIONS if action in tree]
                                                   or ACTIONS))


def _read(file: Path) -> dict[Any, Any]:
    """A published spec with the values that it leaves to its user."""
    tree: dict[Any, Any] = yaml.safe_load(file.read_text().replace('???', 'absent.pth'))
    return tree


def _change(tree: dict[Any, Any], draw: random.Random) -> None:
    """One change at a place of the tree, near its root or deep in it."""
    node: Any = tree
    while isinstance(node, dict) and node:
        key = draw.choice(list(node))
        if isinstance(node[key], dict) and node[key] and draw.random() < 0.85:
            node = node[key]
            continue
        kind = draw.randrange(6)
        if kind == 0:
            del node[key]
        elif kind == 1:
            node[_misspelt(str(key), draw)] = node.pop(key)
        elif kind == 2:
            node[draw.choice(CODE)] = draw.choice(VALUES)
        else:
            node[key] = draw.choice(VALUES)
        return


def _misspelt(key: str, draw: random.Random) -> str:
    place = draw.randrange(len(key) + 1)
    return draw.choice(
        (key[:place] + key[place + 1:], key[:place] + draw.choice('_x.A') + key[place:], key.upper()))


def _damaged(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return draw.choice((content[:place], content[:place] + draw.choice(RAW) + content[place:],
                        draw.choice(RAW) + content, content + draw.choice(RAW), draw.choice(RAW), b''))


def _override(tree: dict[Any, Any], draw: random.Random) -> str:
    key = draw.choice(
        ('train.num_epochs', 'results_dir', 'model.classify.embed_dec', 'dataset.classify.input_map', 'model',
         'dataset.classify.input_map.Extra', 'task', 'nowhere.to.be', '', 'a b', draw.choice(CODE)))
    value = draw.choice(
        (*CODE, *ODD, '3', '{A:0,B:1}', '[1,2', '{a', '[' * 500, '{SolderLight:0}', 'null', '???'))
    return draw.choice(('', '', '+', '++', '~')) + key + draw.choice(('=', '=', '=', ' ', '')) + value


def outcome(case: Case, folder: Path) -> str:
    """What becomes of an attempt.

    Returns:
        ``accepted`` or ``refused``.

    Raises:
        AssertionError: when what was accepted is not the same once it is written down and read again, a
            refusal is no message, code was run or it took too long.
        Exception: of any other kind than those for a user's mistakes.
    """
    start = time.monotonic()
    file = folder / 'spec.yaml'
    file.write_bytes(case.content)
    try:
        spec = read_spec(file, case.overrides)
        config = build_config(spec, case.action)
        if case.action in ('train', 'evaluate', 'inference'):
            devices_of(spec, case.action)
        result = 'accepted'
    except (SpecError, CheckpointError, FileNotFoundError) as error:
        assert 0 < len(str(error)) < 30_000, 'a message that nobody reads'
        result = 'refused'
    assert time.monotonic() - start < MOST_SECONDS, 'too slow'
    if result == 'accepted':
        _check_accepted(case, spec, config, folder)
    assert not Path(MARK).exists() and not (folder / MARK).exists(), 'code was run'
    return result


def _check_accepted(case: Case, spec: Any, config: Any, folder: Path) -> None:
    """Written down in any way, the config reads back as it is, and so does the spec."""
    spec.report(explain=True)
    content = _listed(config.to_dict())
    for text, ending in ((config.json_text, '.json'), (config.pretty_text, '.py')):
        (folder / f'config{ending}').write_text(text, encoding='utf-8')
        assert _listed(_unchecked(folder / f'config{ending}')) == content, f'another config in {ending}'
    again = read_spec(write_experiment(spec, folder))
    again.partial = spec.partial
    assert _listed(build_config(again, case.action).to_dict()) == content, 'another config by experiment.yaml'


def _unchecked(file: Path) -> dict[str, Any]:
    """The config as MMEngine reads it, without the imports that it names."""
    return Config.fromfile(str(file), import_custom_modules=False).to_dict()


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def main() -> int:
    """Try as many as the command line says."""
    count, seed = (int(part) for part in (*sys.argv[1:], 1200, 0)[:2])
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(count, seed):
            try:
                counts[outcome(case, Path(folder))] += 1
            except Exception as error:
                counts[f'{type(error).__name__}: {str(error)[:200]}'] += 1
                print(case, flush=True)
    for what, number in counts.most_common():
        print(f'{number:7d}  {what}')
    return int(bool(set(counts) - {'accepted', 'refused'}))


if __name__ == '__main__':
    sys.exit(main())
