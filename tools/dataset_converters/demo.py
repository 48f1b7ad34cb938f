"""Make the demo data, or a picture of samples of it.

    python tools/dataset_converters/demo.py --dst data/demo
    python tools/dataset_converters/demo.py --contact-sheet docs/images/sample.png

Exit codes: 0; 2 when an option is to be mended, and nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
from mmengine.utils import track_iter_progress

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.boards.demo import contact_sheet, ensure_demo
from mmchangenet.files import check_output, replacing


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--dst', help='folder to make; demo data that is there already is kept')
    target.add_argument('--contact-sheet', metavar='PNG', help='write a picture of samples instead')
    parser.add_argument('--seed', type=int, default=0, help='of everything drawn (default: 0)')
    parser.add_argument('--boards', type=int, default=120, help='boards of 32 pairs each (default: 120)')
    parser.add_argument('--size', type=int, default=128, help='side of the pictures in px (default: 128)')
    return parser.parse_args(args)


def write_contact_sheet(path: Path, seed: int) -> None:
    """Write the picture of samples, making its folder."""
    check_output(path)
    done, data = cv2.imencode('.png', contact_sheet(seed)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError(f'OpenCV could not encode {path}')
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(data.tobytes())


def main(args: Sequence[str] | None = None) -> int:
    """Make the data or the picture; the exit code."""
    options = parse_args(args)
    try:
        if options.contact_sheet:
            write_contact_sheet(Path(options.contact_sheet), options.seed)
        else:
            ensure_demo(options.dst, seed=options.seed, num_boards=options.boards, size=options.size,
                        progress=track_iter_progress)
    except MISTAKES as error:
        return fail_or_raise(error)
    return 0


if __name__ == '__main__':
    sys.exit(main())
