"""Registries of this project: children of MMEngine's roots in the scope ``mmchangenet``.

MMEngine imports a registry's locations when it is first asked for a name, so the scope alone is enough to
find every component. Importing this module checks that the installed OpenMMLab packages fit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata

from mmengine import registry as root
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry
from mmengine.utils import digit_version

# distributions that provide a package: (names, first version that fits, first that does not, what to install)
REQUIRED = {
    'mmengine': (('mmengine', 'mmengine-lite'), '0.10.4', '1.0.0', "pip install 'mmengine>=0.10.4,<1.0'"),
    'mmcv': (('mmcv', 'mmcv-lite'), '2.0.0', '2.4.0', "pip install 'mmchangenet[mmcv-lite]' (or the full "
                                                      "mmcv, >=2.0,<2.4)"),
    'mmpretrain': (('mmpretrain', ), '1.2.0', '2.0.0', "pip install 'mmpretrain>=1.2,<2.0'"),
}


def installed_version(distributions: Iterable[str]) -> str | None:
    """The version of the first distribution that is installed, or None."""
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


Requirement = tuple[tuple[str, ...], str, str, str]


def check_versions(required: Mapping[str, Requirement] | None = None,
                   version_of: Callable[[tuple[str, ...]], str | None] = installed_version) -> None:
    """Check the OpenMMLab packages, all of them before complaining.

    Args:
        required: package → (distributions, minimum, first unfit version, remedy).
        version_of: gives the installed version of one of several distributions, or None.

    Raises:
        ImportError: when a package is missing or its version does not fit; names each with its remedy.
    """
    problems = []
    for package, (distributions, minimum, limit, remedy) in (required or REQUIRED).items():
        version = version_of(distributions)
        if version is None:
            problems.append(f'{package} is not installed: {remedy}')
        elif not digit_version(minimum) <= digit_version(version) < digit_version(limit):
            problems.append(f'{package} {version} does not fit (wanted >={minimum},<{limit}): {remedy}')
    if problems:
        raise ImportError('mmchangenet cannot work with the installed OpenMMLab packages:\n  ' +
                          '\n  '.join(problems))


def _child(name: str, *locations: str) -> Registry:
    parent = getattr(root, name)
    return Registry(parent.name, parent=parent, scope='mmchangenet',
                    locations=[f'mmchangenet.{location}' for location in locations])


check_versions()
MODULE2PACKAGE.setdefault('mmchangenet',
                          'mmchangenet')  # MMEngine finds `mmchangenet::` configs of known packages only
# mmcv-lite says at every start that it has no compiled operators; nothing here needs them
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

DATASETS = _child('DATASETS', 'datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'datasets')
TRANSFORMS = _child('TRANSFORMS', 'datasets')
MODELS = _child('MODELS', 'models')
METRICS = _child('METRICS', 'evaluation')
HOOKS = _child('HOOKS', 'engine', 'evaluation', 'visualization', 'tao.hooks')
INFERENCERS = _child('INFERENCERS', 'apis')
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'engine')
LOOPS = _child('LOOPS', 'engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'engine')
RUNNERS = _child('RUNNERS', 'engine')
VISUALIZERS = _child('VISUALIZERS', 'visualization')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'engine')
# Nothing of ours is in these; they exist so that MMEngine finds its own components from our scope without a
# warning.
for _name in ('EVALUATOR', 'MODEL_WRAPPERS', 'OPTIM_WRAPPER_CONSTRUCTORS', 'OPTIMIZERS', 'PARAM_SCHEDULERS',
              'TASK_UTILS', 'VISBACKENDS'):
    globals()[_name] = _child(_name, 'engine')
