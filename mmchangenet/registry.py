"""Registries of this project: children of MMEngine's roots in the scope ``mmchangenet``.

Importing this module checks that the installed OpenMMLab packages fit.
"""

import warnings
from importlib import metadata

from mmengine import registry as root
from mmengine.registry import Registry
from mmengine.utils import digit_version

# distributions that provide a package: (names, first version that fits, first that does not, what to install)
REQUIRED = {
    'mmengine': (('mmengine', 'mmengine-lite'), '0.10.4', '1.0.0', "pip install 'mmengine>=0.10.4,<1.0'"),
    'mmcv': (('mmcv', 'mmcv-lite'), '2.0.0', '2.4.0', "pip install 'mmchangenet[mmcv-lite]' (or the full mmcv, >=2.0,<2.4)"),
    'mmpretrain': (('mmpretrain', ), '1.2.0', '2.0.0', "pip install 'mmpretrain>=1.2,<2.0'"),
}


def installed_version(distributions):
    """The version of the first distribution that is installed, or None."""
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def check_versions(required=None, version_of=installed_version):
    """Check the OpenMMLab packages, all of them before complaining.

    Args:
        required (dict, optional): package → (distributions, minimum, first unfit version, remedy).
        version_of (Callable): gives the installed version of one of several distributions, or None.

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
        raise ImportError('mmchangenet cannot work with the installed OpenMMLab packages:\n  ' + '\n  '.join(problems))


def _child(name, location):
    parent = getattr(root, name)
    return Registry(parent.name, parent=parent, scope='mmchangenet', locations=[location])


check_versions()
# mmcv-lite says at every start that it has no compiled operators; nothing here needs them
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

DATASETS = _child('DATASETS', 'mmchangenet.datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'mmchangenet.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmchangenet.datasets')
MODELS = _child('MODELS', 'mmchangenet.models')
METRICS = _child('METRICS', 'mmchangenet.evaluation')
HOOKS = _child('HOOKS', 'mmchangenet.engine')
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmchangenet.engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmchangenet.engine')
RUNNERS = _child('RUNNERS', 'mmchangenet.engine')
VISUALIZERS = _child('VISUALIZERS', 'mmchangenet.visualization')
# Nothing of ours is in these; they exist so that MMEngine finds its own components from our scope without a warning.
for _name in ('EVALUATOR', 'LOG_PROCESSORS', 'LOOPS', 'OPTIM_WRAPPER_CONSTRUCTORS', 'OPTIMIZERS', 'PARAM_SCHEDULERS',
              'TASK_UTILS', 'VISBACKENDS', 'WEIGHT_INITIALIZERS'):
    globals()[_name] = _child(_name, 'mmchangenet.engine')
