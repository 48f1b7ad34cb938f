"""A spec: what it gives, checked as a whole against the table of parameters, and what there is to say about
it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from .parameters import ACTIONS, ALIASES, PARAMETERS, SAME
from .releases import MIDDLE, PAGE, SEVEN, defaults_of, likely_release
from .spec_file import SpecError, first_line, load_spec, read_overrides

MISSING = '???'
COMMAND_LINE = 'the command line'
INPUT_MAP = 'dataset.classify.input_map'
WHERE_DEFAULTS_HOLD = {PAGE: 'before 6.25', MIDDLE: 'in 6.25', SEVEN: 'in 7.x'}
SHOWN = 300  # characters of a value in a message
MOST_PROBLEMS = 40  # in a message

__all__ = ['Spec', 'SpecError', 'note_effects', 'read_spec']


class Spec:
    """The parameters that a spec gives, by dotted name, with a release's defaults for the others.

    Attributes:
        file: where it is from, for messages.
        values: what is given; a value that is wrong is not in here.
        release: the release whose defaults are used.
        release_is_chosen: whether the user named it.
        problems: what is wrong.
        notes: what a user should know.
        warnings: what makes results other than they may be expected.
        without_effect: what is given and has no effect, with the reason.
        tree: everything that is given, interpolations resolved, by dotted name.
        partial: whether pretrained weights of another backbone may be used as far as they fit.
    """

    def __init__(self, file: str, values: dict[str, Any], problems: list[str], origins: dict[str, str],
                 release: str | None = None, tree: dict[str, Any] | None = None) -> None:
        self.file, self.values, self.problems, self.notes = file, values, problems, list[str]()
        self.warnings, self.without_effect = list[str](), dict[str, str]()
        self.release = release or values.get('release') or likely_release(
            values, values.get('model.backbone.type', ''))
        self.tree, self.partial = tree or {}, False
        self.release_is_chosen = bool(release or values.get('release'))
        self._origins = origins
        self._defaulted: dict[str, Any] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __getitem__(self, key: str) -> Any:
        """The value, or the default of the release; remembers it where releases differ."""
        if key in self.values:
            return self.values[key]
        parameter = PARAMETERS[key]
        default = parameter.default_of(defaults_of(self.release))
        if parameter.page is not SAME or parameter.seven is not SAME:
            self._defaulted[key] = default
        return default

    def from_command_line(self, key: str) -> bool:
        """Whether a value is of the command line and not of the file."""
        return self._origins.get(key) == COMMAND_LINE

    def settle(self, key: str, value: Any) -> None:
        """Put another value in the place of the given one, also in what is written down of the spec."""
        self.values[key] = self.tree[key] = value

    def note(self, message: str) -> None:
        """Keep something for the log, once."""
        if message not in self.notes:
            self.notes.append(message)

    def warn(self, message: str) -> None:
        """Keep something that changes results, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def pass_over(self, key: str, reason: str) -> None:
        """Keep that a value has no effect."""
        self.without_effect.setdefault(key, reason)

    def problem(self, key: str, message: str) -> None:
        """Keep something that is wrong."""
        self.problems.append(f'{key} ({self._origins.get(key, self.file)}): {message}')

    def need(self, key: str) -> Any:
        """A value that has to be given; '' when it is not, which is then a problem."""
        if key not in self.values and not any(problem.startswith(f'{key} (') for problem in self.problems):
            self.problem(key, 'has to be given')
        return self.values.get(key) or ''

    def check(self) -> None:
        """
        Raises:
            SpecError: with all problems found so far.
        """
        if self.problems:
            more = len(self.problems) - MOST_PROBLEMS
            raise SpecError('\n  '.join([
                f'{self.file} cannot be run as it is:', *self.problems[:MOST_PROBLEMS],
                *([f'and {more} more'] if more > 0 else [])
            ]))

    def report(self, explain: bool = False) -> list[str]:
        """What to tell before a run, what changes results last.

        Args:
            explain: name the reason with everything that has no effect.
        """
        lines = [*self.notes, self._defaults_line()]
        if self.without_effect and explain:
            lines += [f'{key} has no effect: {reason}' for key, reason in self.without_effect.items()]
        elif self.without_effect:
            lines.append(f'without effect here ({len(self.without_effect)}, --explain tells why): '
                         f'{", ".join(self.without_effect)}')
        return [*lines, *(f'WARNING: {warning}' for warning in self.warnings)]

    def _defaults_line(self) -> str:
        """The release whose defaults are used, and the used ones that other releases have otherwise."""
        used = []
        for key, value in self._defaulted.items():
            others: dict[Any, list[str]] = {}
            for defaults, name in WHERE_DEFAULTS_HOLD.items():
                if (other := PARAMETERS[key].default_of(defaults)) != value:
                    others.setdefault(other, []).append(name)
            used.append(f'{key} {value} '
                        f'({"; ".join(f"{other} {names}" for other, names in _joined(others))})')
        end = f'; not in the spec: {", ".join(used)}. --release chooses another' if used else ''
        return f'defaults of release {self.release}{" as asked for" if self.release_is_chosen else ""}{end}'


def _joined(others: Mapping[Any, list[str]]) -> list[tuple[Any, str]]:
    return [(value, ' and '.join(names)) for value, names in others.items()]


def read_spec(spec: str | Path | Mapping[str, Any], overrides: Sequence[str] = (),
              release: str | None = None) -> Spec:
    """Read and check a spec, parameter by parameter.

    Args:
        spec: YAML file, or its content.
        overrides: ``dotted.key=value`` and Hydra's other spellings.
        release: whose defaults to use, one of ``RELEASES``; None: the likely one.

    Returns:
        The spec; what is wrong with single parameters is in its ``problems``.

    Raises:
        FileNotFoundError: when there is no such file.
        SpecError: when it is not YAML, or an interpolation cannot be resolved.
    """
    file = str(spec) if isinstance(spec, (str, Path)) else 'the spec'
    changes, removed, whole = read_overrides(list(overrides))
    try:
        given = _plain(load_spec(spec) if isinstance(spec, (str, Path)) else OmegaConf.create(dict(spec)))
        of_line = _plain(changes)
        if INPUT_MAP in whole:  # fewer lightings than the spec has
            _remove(given, INPUT_MAP)
        merged = _merged(given, of_line)
        missed = [key for key in removed if not _remove(merged, key)]
        keys = set(_leaves(merged))
        changed = set(_leaves(of_line))
        tree = _resolved(merged)
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f'{file}: {first_line(error) or type(error).__name__}') from error
    problems = [f'{key} ({COMMAND_LINE}): there is nothing to take away with ~' for key in missed]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    given_tree: dict[str, Any] = {}
    for key, value in _leaves(tree).items():
        if key not in keys and not any(key.startswith(f'{part}.') for part in keys):
            continue  # a default that something is interpolated from
        origin = COMMAND_LINE if key in changed else file
        name = ALIASES.get(key, key)
        if name not in PARAMETERS:
            nearest = _nearest(key) if len(problems) < MOST_PROBLEMS else ''
            problems.append(f'{_short(key)} ({origin}): there is no such parameter{nearest}')
            continue
        given_tree[key] = value
        if value is not None and value != MISSING and value != '':
            _take(key, name, value, origin, values, origins, problems)
    return Spec(file, values, problems, origins, release, given_tree)


@lru_cache
def _defaults() -> dict[str, Any]:
    """What may be interpolated from though no spec gives it."""
    tree: DictConfig = OmegaConf.create({})
    for key, parameter in PARAMETERS.items():
        if parameter.default is not None:
            OmegaConf.update(tree, key, parameter.default, force_add=True)
    for action in ACTIONS:
        OmegaConf.update(tree, f'{action}.results_dir', f'${{results_dir}}/{action}', force_add=True)
    return _plain(tree)


def _resolved(merged: Mapping[str, Any]) -> dict[str, Any]:
    """With what interpolations stand for; ``results_dir`` is always there."""
    try:
        return _plain(OmegaConf.create({'results_dir': PARAMETERS['results_dir'].default, **merged}),
                      resolve=True)
    except InterpolationKeyError:
        return _plain(OmegaConf.create(_merged(_defaults(), merged)), resolve=True)


def _plain(tree: DictConfig, resolve: bool = False) -> dict[str, Any]:
    content: Any = OmegaConf.to_container(tree, resolve=resolve)
    return content


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Section by section; what is above wins."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merged(below[key], value) if both else value
    return merged


def _remove(tree: dict[str, Any], key: str) -> bool:
    """Take a key away; whether it was there."""
    *sections, name = key.split('.')
    node: Any = tree
    for section in sections:
        node = node.get(section) if isinstance(node, dict) else None
    if not isinstance(node, dict) or name not in node:
        return False
    del node[name]
    return True


def _leaves(tree: Any, prefix: str = '') -> dict[str, Any]:
    """Dotted name → value. A dict that is a value, such as input_map, stays whole."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        key = f'{prefix}{name}'
        if isinstance(value, dict) and value and ALIASES.get(key, key) not in PARAMETERS:
            leaves.update(_leaves(value, f'{key}.'))
        elif (value is None or value == '') and any(known.startswith(f'{key}.') for known in PARAMETERS):
            continue  # an empty section
        elif value != {}:
            leaves[key] = value
    return leaves


def _take(key: str, name: str, value: Any, origin: str, values: dict[str, Any], origins: dict[str, str],
          problems: list[str]) -> None:
    parameter = PARAMETERS[name]
    for wrong, reason in parameter.refused.items():
        if type(value) is type(wrong) and value == wrong:
            problems.append(f'{key} ({origin}): {value!r} is refused: {reason}')
            return
    try:
        taken = parameter.kind.take(value)
    except (ValueError, TypeError, OverflowError):
        problems.append(f'{key} ({origin}): {_short(repr(value))} is not {parameter.kind.text}')
        return
    if name in values and values[name] != taken:
        problems.append(f'{key} ({origin}): {_short(repr(taken))}, but {name} is also given, as '
                        f'{_short(repr(values[name]))}; they are one parameter')
        return
    values[name], origins[name] = taken, origin


def note_effects(spec: Spec, action: str, settled: Mapping[str, Any]) -> None:
    """Note what is given and has no effect, for whatever reason.

    Args:
        spec: the spec.
        action: what is run; sections of other actions are not looked at.
        settled: values by dotted name that do not come from the spec, such as those of a checkpoint.
    """
    for key, given in spec.values.items():
        parameter = PARAMETERS[key]
        if key.partition('.')[0] in {*ACTIONS} - {action}:
            continue
        if parameter.ignored:
            spec.pass_over(key, parameter.ignored)
        elif isinstance(given, (str, bool)) and given in parameter.passed_over:
            spec.pass_over(key, parameter.passed_over[given])
        other, value = parameter.only_if or (None, None)
        actual = value if other is None else settled[other] if other in settled else spec[other]
        if actual != value:
            spec.pass_over(key, f'it is for {other}: {value}, and that is {actual}')


def _nearest(key: str) -> str:
    if len(key) > SHOWN:
        return ''
    known = [*PARAMETERS, *ALIASES]
    leaf = key.rpartition('.')[2]
    same = [name for name in known if name.rpartition('.')[2] == leaf]
    near = difflib.get_close_matches(key, same, 1, 0) or difflib.get_close_matches(key, known, 1, 0.75) or [
        name for close in difflib.get_close_matches(leaf, [name.rpartition('.')[2] for name in known], 1, 0.6)
        for name in difflib.get_close_matches(key, [name for name in known
                                                    if name.endswith(f'.{close}')], 1, 0)
    ] or difflib.get_close_matches(key, known, 1, 0.5)
    return f'; did you mean {near[0]}?' if near else ''


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f'{text[:SHOWN]}…'
