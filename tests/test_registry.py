"""The installed OpenMMLab packages are checked, and MMEngine's own components are found from our scope."""

import subprocess
import sys

import pytest
from mmengine import registry as root

from mmchangenet import registry
from mmchangenet.registry import check_versions

VERSIONS = dict(mmengine='0.10.7', mmcv='2.1.0', mmpretrain='1.2.0')


def check(**versions):
    """As if these versions were installed; None: the package is missing."""
    versions = {**VERSIONS, **versions}
    check_versions(version_of=lambda distributions: versions[distributions[0]])


def test_versions_that_fit_pass():
    check()


@pytest.mark.parametrize(('versions', 'message'), [
    (dict(mmcv=None), 'mmcv is not installed.*mmcv-lite'),
    (dict(mmcv='1.7.2'), r'mmcv 1\.7\.2 does not fit .*>=2\.0\.0,<2\.4\.0'),
    (dict(mmpretrain='2.1.0'), r'mmpretrain 2\.1\.0.*pip install'),
    (dict(mmengine='0.9.0'), r'mmengine 0\.9\.0'),
])
def test_what_does_not_fit_is_named_with_what_to_install(versions, message):
    with pytest.raises(ImportError, match=message):
        check(**versions)


def test_all_problems_are_named_at_once():
    with pytest.raises(ImportError, match='(?s)mmengine .*mmcv .*mmpretrain '):
        check(mmengine=None, mmcv=None, mmpretrain=None)


def test_importing_the_package_loads_nothing_heavy():
    heavy = ('torch', 'mmengine', 'mmcv', 'pandas', 'cv2', 'numpy')
    code = f'import sys, mmchangenet; print([name for name in {heavy} if name in sys.modules])'
    assert subprocess.check_output([sys.executable, '-c', code], text=True).strip() == '[]'


@pytest.mark.parametrize(('name', 'component'), [
    ('VISBACKENDS', 'LocalVisBackend'),
    ('OPTIMIZERS', 'AdamW'),
    ('PARAM_SCHEDULERS', 'LinearLR'),
    ('OPTIM_WRAPPER_CONSTRUCTORS', 'DefaultOptimWrapperConstructor'),
    ('WEIGHT_INITIALIZERS', 'PretrainedInit'),
    ('LOOPS', 'EpochBasedTrainLoop'),
    ('LOG_PROCESSORS', 'LogProcessor'),
    ('EVALUATOR', 'Evaluator'),
])
def test_components_of_mmengine_are_found_from_our_scope_without_a_warning(name, component):
    assert getattr(registry, name).get(component) is getattr(root, name).get(component)
    assert 'mmchangenet' in getattr(root, name).children
