"""Reading a spec: YAML with interpolation and overrides, checked as a whole against the table of parameters."""

import difflib
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from .parameters import ACTIONS, ALIASES, PARAMETERS, SAME

MISSING = '???'
COMMAND_LINE = 'the command line'


class SpecError(ValueError):
    """A spec that cannot be run; the message lists everything that is wrong with it."""


class Spec:
    """The parameters that a spec gives, by dotted name, with the table's defaults for the others.

    Attributes:
        file (str): where it is from, for messages.
        values (dict[str, Any]): what is given; a value that is wrong is not in here.
        problems (list[str]): what is wrong.
        notes (list[str]): what a user should know: defaults that differ from the page's and were used, parameters
            without effect.
    """

    def __init__(self, file, values, problems, origins):
        self.file, self.values, self.problems, self.notes = file, values, problems, []
        self._origins = origins

    def __contains__(self, key):
        return key in self.values

    def __getitem__(self, key):
        """The value, or the default of current releases; notes it where the page has another one."""
        if key in self.values:
            return self.values[key]
        parameter = PARAMETERS[key]
        if parameter.page is not SAME:
            self.note(f'{key} is not in the spec: {parameter.default}, as in current releases (the page says {parameter.page})')
        return parameter.default

    def note(self, message):
        """Keep something for the log, once."""
        if message not in self.notes:
            self.notes.append(message)

    def problem(self, key, message):
        """Keep something that is wrong."""
        self.problems.append(f'{key} ({self._origins.get(key, self.file)}): {message}')

    def need(self, key):
        """A value that has to be given; '' when it is not, which is then a problem."""
        if key not in self.values and not any(problem.startswith(f'{key} (') for problem in self.problems):
            self.problem(key, 'has to be given')
        return self.values.get(key) or ''

    def check(self):
        """
        Raises:
            SpecError: with all problems found so far.
        """
        if self.problems:
            raise SpecError('\n  '.join([f'{self.file} cannot be run as it is:', *self.problems]))


def read_spec(spec, overrides=()):
    """Read and check a spec, parameter by parameter.

    Args:
        spec (str | Path | dict): YAML file, or its content.
        overrides (Sequence[str]): ``dotted.key=value``.

    Returns:
        Spec: what is wrong with single parameters is in its ``problems``.

    Raises:
        FileNotFoundError: when there is no such file.
        SpecError: when it is not YAML, or an interpolation cannot be resolved.
    """
    file = 'the spec' if isinstance(spec, dict | DictConfig) else str(spec)
    given, changes = _load(spec, file), _overrides(overrides)
    tree = OmegaConf.merge(dict(results_dir=PARAMETERS['results_dir'].default), given, changes)
    try:
        tree = OmegaConf.to_container(tree, resolve=True)
    except OmegaConfBaseException as error:
        raise SpecError(f'{file}: {_first_line(error)}') from error
    problems, values, origins = [], {}, {}
    changed = set(_leaves(OmegaConf.to_container(changes)))
    for key, value in _leaves(tree).items():
        if key == 'results_dir' and 'results_dir' not in given and 'results_dir' not in changes:
            continue
        origin = COMMAND_LINE if key in changed else file
        name = ALIASES.get(key, key)
        if name not in PARAMETERS:
            problems.append(f'{key} ({origin}): there is no such parameter{_nearest(key)}')
        elif value is not None and value != MISSING:
            _take(key, name, value, origin, values, origins, problems)
    return Spec(file, values, problems, origins)


def _load(spec, file):
    if isinstance(spec, dict | DictConfig):
        return OmegaConf.create(spec)
    if not Path(spec).is_file():
        raise FileNotFoundError(f'there is no spec {file}')
    try:
        tree = OmegaConf.load(spec)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise SpecError(f'{file} is not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(tree, DictConfig):
        raise SpecError(f'{file} is not a spec: it has no sections such as model, dataset, train')
    return tree


def _overrides(overrides):
    wrong = [item for item in overrides if not item.partition('=')[1] or not item.partition('=')[0].strip()]
    if wrong:
        raise SpecError(f'overrides are written dotted.key=value; this is none: {", ".join(wrong)}')
    try:
        return OmegaConf.from_dotlist(list(overrides))
    except (YAMLError, OmegaConfBaseException, ValueError) as error:
        raise SpecError(f'an override cannot be read: {_first_line(error)}') from error


def _leaves(tree, prefix=''):
    """Dotted name → value. A dict that is a value, such as input_map, stays whole."""
    leaves = {}
    for name, value in tree.items():
        key = f'{prefix}{name}'
        if isinstance(value, dict) and value and ALIASES.get(key, key) not in PARAMETERS:
            leaves.update(_leaves(value, f'{key}.'))
        elif value is None and any(known.startswith(f'{key}.') for known in PARAMETERS):
            continue  # an empty section
        elif value != {}:
            leaves[key] = value
    return leaves


def _take(key, name, value, origin, values, origins, problems):
    parameter = PARAMETERS[name]
    try:
        taken = parameter.kind.take(value)
    except ValueError:
        problems.append(f'{key} ({origin}): {value!r} is not {parameter.kind.text}')
        return
    for wrong, reason in parameter.refused.items():
        if taken == wrong and type(taken) is type(wrong):
            problems.append(f'{key} ({origin}): {value!r} is refused: {reason}')
            return
    if name in values and values[name] != taken:
        problems.append(f'{key} ({origin}): {taken!r}, but {name} is also given, as {values[name]!r}; they are one parameter')
        return
    values[name], origins[name] = taken, origin


def note_effects(spec, action, settled):
    """Note what is given and has no effect, for whatever reason.

    Args:
        spec (Spec): the spec.
        action (str): what is run; sections of other actions are not looked at.
        settled (dict): values by dotted name that do not come from the spec, such as those of a checkpoint.
    """
    for key in spec.values:
        parameter = PARAMETERS[key]
        if key.partition('.')[0] in {*ACTIONS} - {action}:
            continue
        if parameter.ignored:
            spec.note(f'{key} has no effect: {parameter.ignored}')
        other, value = parameter.only_if or (None, None)
        actual = settled.get(other, spec.values.get(other, PARAMETERS[other].default)) if other else value
        if actual != value:
            spec.note(f'{key} has no effect: it is for {other}: {value}, and that is {actual}')


def _nearest(key):
    known = [*PARAMETERS, *ALIASES]
    leaf = key.rpartition('.')[2]
    same = [name for name in known if name.rpartition('.')[2] == leaf]
    near = difflib.get_close_matches(key, same, 1, 0) or difflib.get_close_matches(key, known, 1, 0.75) or [
        name for close in difflib.get_close_matches(leaf, [name.rpartition('.')[2] for name in known], 1, 0.6)
        for name in difflib.get_close_matches(key, [name for name in known if name.endswith(f'.{close}')], 1, 0)
    ] or difflib.get_close_matches(key, known, 1, 0.5)
    return f'; did you mean {near[0]}?' if near else ''


def _first_line(error):
    return str(error).strip().split('\n', 1)[0]
