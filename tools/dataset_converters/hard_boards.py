"""Make the hard boards, or a picture of samples of them.

python tools/dataset_converters/hard_boards.py --dst data/hard_boards
python tools/dataset_converters/hard_boards.py --contact-sheet docs/images/hard_boards.png
"""

import argparse
import sys
from pathlib import Path

import cv2
from mmengine.utils import track_iter_progress

from mmchangenet.boards.hard import contact_sheet, generate_hard_boards
from mmchangenet.boards.hard.generate import Parameters
from mmchangenet.files import replacing


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """The command's options."""
    default = Parameters()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--dst', help='folder to make')
    target.add_argument('--contact-sheet', metavar='PNG', help='write a picture of samples instead')
    parser.add_argument('--seed', type=int, default=default.seed,
                        help='of everything drawn (default: %(default)s)')
    parser.add_argument('--boards', type=int, default=default.boards,
                        help='of each of the 8 designs (default: %(default)s)')
    parser.add_argument('--sites', type=int, default=default.sites,
                        help='pairs of each board, 8 to 24 (default: %(default)s)')
    parser.add_argument('--prevalence', type=float, default=default.prevalence,
                        help='share of defective pairs, 0.0015 to 0.30 (default: %(default)s)')
    parser.add_argument('--size', type=int, default=default.size,
                        help='side of the pictures in px (default: %(default)s)')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Carry out the command."""
    options = parse_args(args)
    try:
        if options.contact_sheet:
            Path(options.contact_sheet).parent.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet(options.seed)[..., ::-1]
            png = cv2.imencode('.png', sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
            with replacing(options.contact_sheet) as file:
                file.write(png.tobytes())
        else:
            parameters = Parameters(options.seed, options.boards, options.prevalence, options.size,
                                    sites=options.sites)
            counts = generate_hard_boards(options.dst, parameters, progress=track_iter_progress)
            each = ', '.join(f'{count} {split}' for split, count in counts.items())
            print(f'\n{each} pairs are in {options.dst}')
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
