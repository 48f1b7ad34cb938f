"""Installs mmchangenet; configs, tools and the model index travel with the wheel, as OpenMMLab's packages
do."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def requirements(name):
    """The lines of requirements/NAME.txt that are requirements."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


class BuildWithConfigs(build_py):
    """Puts configs/, tools/ and model-index.yml into mmchangenet/.mim, where `mim` looks for them."""

    def run(self):
        super().run()
        target = Path(self.build_lib) / 'mmchangenet' / '.mim'
        for folder in ('configs', 'tools'):
            shutil.copytree(ROOT / folder, target / folder, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
        shutil.copy(ROOT / 'model-index.yml', target)


setup(
    name='mmchangenet',
    version=re.search(r"__version__ = '(.+)'", (ROOT / 'mmchangenet/version.py').read_text())[1],
    description='Golden-versus-compare visual inspection (Visual ChangeNet classification) for OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='visual inspection, change detection, siamese network, OpenMMLab',
    packages=find_packages(include=['mmchangenet', 'mmchangenet.*']),
    package_data={'mmchangenet': ['py.typed']},
    python_requires='>=3.11',
    install_requires=requirements('runtime'),
    extras_require={
        'mmcv-lite': ['mmcv-lite>=2.0.0,<2.4.0'],
        'deploy': requirements('deploy'),
        'optional': requirements('optional'),
        'tests': requirements('tests'),
    },
    entry_points={'console_scripts': ['visual_changenet = mmchangenet.tao.command:main']},
    cmdclass={'build_py': BuildWithConfigs},
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Manufacturing',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
