"""What ``check_gpu.py`` needs on a machine without a package index: a folder of wheels and a script for it.

    python tools/analysis_tools/bundle_gpu_check.py gpu_check --python 3.12

Made where there is an index, from a checkout whose requirements are installed: these versions travel. On the
other machine ``python gpu_check/run.py`` takes the options of ``check_gpu.py``; packages of that machine come
before those that travel.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mmchangenet.files import write_text

ROOT = Path(__file__).resolve().parents[2]
OURS = 'mmchangenet[mmcv-lite]'
THERE = ('torch', 'torchvision', 'timm', 'pandas', 'scikit-learn', 'opencv-python')
PLATFORMS = [f'manylinux{version}_x86_64' for version in ('_2_28', '_2_27', '_2_17', '2014')]
RUN = '''"""Runs the check with the wheels beside this file; takes the options of check_gpu.py."""

import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as site:
    subprocess.run(
        [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-compile',
         '--target', site, *Path(__file__).parent.glob('wheels/*.whl')], check=True)
    sys.path.append(site)  # behind what is installed
    runpy.run_path(str(Path(site, 'mmchangenet/.mim/tools/analysis_tools/check_gpu.py')), run_name='__main__')
'''


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, help='to make')
    parser.add_argument('--python', default='3.12', metavar='VERSION',
                        help='of the other machine (default: 3.12)')
    parser.add_argument('--there', nargs='+', default=list(THERE), metavar='PACKAGE',
                        help=f'what it has, and all that these need; default: {" ".join(THERE)}')
    return parser.parse_args()


def needed(names: list[str], python: str) -> set[str]:
    """The packages and all that they require on the other machine, by what is installed here."""
    machine = dict(
        python_version=python, python_full_version=f'{python}.0', implementation_name='cpython',
        os_name='posix', platform_machine='x86_64', platform_system='Linux', sys_platform='linux')
    waiting, seen = [Requirement(name) for name in names], set()
    while waiting:
        wanted = waiting.pop()
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if key in seen:
            continue
        seen.add(key)
        for requirement in map(Requirement, requires(wanted.name) or ()):
            marker, extras = requirement.marker, wanted.extras or {''}
            if marker is None or any(marker.evaluate({**machine, 'extra': extra}) for extra in extras):
                waiting.append(requirement)
    return {name for name, _ in seen}


def pip(*arguments: str | Path, **environment: str) -> None:
    """Run pip.

    Raises:
        subprocess.CalledProcessError: when it fails; it has said why.
    """
    command = [sys.executable, '-m', 'pip', *arguments]
    subprocess.run(command, env={**os.environ, **environment}, check=True)


def build(folder: Path) -> None:
    """The wheel of this checkout, without what an older build left there; nothing is left there, either."""
    with tempfile.TemporaryDirectory() as place:
        settings = Path(place, 'setup.cfg')
        settings.write_text(f'[build]\nbuild_base={place}\n[egg_info]\negg_base={place}\n')
        pip('wheel', '--quiet', '--no-deps', '--wheel-dir', folder, ROOT, DIST_EXTRA_CONFIG=str(settings))


def fetch(names: list[str], folder: Path, python: str) -> None:
    """Wheels of the installed versions for the other machine."""
    platforms = [option for platform in PLATFORMS for option in ('--platform', platform)]
    pip('download', '--quiet', '--no-deps', '--only-binary=:all:', '--python-version', python,
        '--implementation', 'cp', *platforms, '--dest', folder,
        *(f'{name}=={version(name)}' for name in names))


def main() -> int:
    """Make the folder; 2 when it cannot be made."""
    args = parse_args()
    wheels = args.folder / 'wheels'
    if args.folder.exists():
        print(f'error: {args.folder} exists: name another folder', file=sys.stderr)
        return 2
    travelling = sorted(needed([OURS], args.python) - needed(args.there, args.python) - {'mmchangenet'})
    wheels.mkdir(parents=True)
    try:
        build(wheels)
        fetch(travelling, wheels, args.python)
    except subprocess.CalledProcessError as error:
        print(f'error: pip failed, see above: {" ".join(map(str, error.cmd))}', file=sys.stderr)
        return 2
    write_text(RUN, args.folder / 'run.py')
    sizes = [file.stat().st_size for file in wheels.iterdir()]
    print(f'{args.folder}: {len(sizes)} wheels, {sum(sizes) / (1 << 20):.1f} MB; there: python run.py')
    return 0


if __name__ == '__main__':
    sys.exit(main())
