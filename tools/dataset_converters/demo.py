"""Make the demo data, or a picture of samples of it.

    python tools/dataset_converters/demo.py --dst data/demo
    python tools/dataset_converters/demo.py --contact-sheet docs/images/sample.png
"""

import argparse
import sys
from pathlib import Path

import cv2
from mmengine.utils import track_iter_progress

from mmchangenet.boards.demo import contact_sheet, ensure_demo


def parse_args(args=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--dst', help='folder to make; demo data that is there already is kept')
    target.add_argument('--contact-sheet', metavar='PNG', help='write a picture of samples instead')
    parser.add_argument('--seed', type=int, default=0, help='of everything drawn (default: 0)')
    parser.add_argument('--boards', type=int, default=120, help='boards of 32 pairs each (default: 120)')
    parser.add_argument('--size', type=int, default=128, help='side of the pictures in px (default: 128)')
    return parser.parse_args(args)


def write_contact_sheet(path, seed):
    """Write the picture of samples, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode('.png', contact_sheet(seed)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError(f'OpenCV could not encode {path}')
    path.write_bytes(data.tobytes())


def main(args=None):
    args = parse_args(args)
    try:
        if args.contact_sheet:
            write_contact_sheet(Path(args.contact_sheet), args.seed)
        else:
            ensure_demo(args.dst, seed=args.seed, num_boards=args.boards, size=args.size, progress=track_iter_progress)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
