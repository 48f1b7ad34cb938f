"""Cut DeepPCB's board pairs into component crops with a label CSV.

    python tools/dataset_converters/deeppcb.py --src DeepPCB --list train.txt --dst data/deeppcb/train
"""

import argparse
import sys
from functools import partial

from mmengine.utils import track_iter_progress

from mmchangenet.datasets.deeppcb import convert
from mmchangenet.imaging import ImageError


def parse_args(args=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--src', required=True, help='folder that holds PCBData')
    parser.add_argument('--list', required=True, help='list of pairs, one "image label-file" a line; looked for in --src, too')
    parser.add_argument('--dst', required=True, help='folder to write images and labels.csv to')
    parser.add_argument('--size', type=int, default=64, help='side of the crops in px (default: 64)')
    parser.add_argument('--seed', type=int, default=0, help='of the crops (default: 0)')
    return parser.parse_args(args)


def main(args=None):
    args = parse_args(args)
    progress = partial(track_iter_progress, file=sys.stderr)
    try:
        rows = convert(args.src, args.list, args.dst, args.size, args.seed, progress=progress)
    except (ImageError, OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    num_pass = (rows['label'] == 'PASS').sum()
    print(f'{len(rows)} crops, {num_pass} PASS and {len(rows) - num_pass} FAIL: {args.dst}/labels.csv')


if __name__ == '__main__':
    main()
