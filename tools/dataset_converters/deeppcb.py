"""Cut DeepPCB's board pairs into component crops with a label CSV.

    python tools/dataset_converters/deeppcb.py --src DeepPCB --list train.txt --dst data/deeppcb/train

Exit codes: 0; 2 when the list, an image or an option is to be mended, and nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from mmengine.utils import track_iter_progress

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.datasets.deeppcb import convert
from mmchangenet.labels.pass_rule import GOOD_LABEL


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--src', required=True, help='folder that holds PCBData')
    parser.add_argument('--list', required=True,
                        help='list of pairs, one "image label-file" per line; looked for in --src, too')
    parser.add_argument('--dst', required=True, help='folder to make, with images and labels.csv')
    parser.add_argument('--size', type=int, default=64, help='side of the crops in px (default: 64)')
    parser.add_argument('--seed', type=int, default=0, help='of the crops (default: 0)')
    return parser.parse_args(args)


def main(args: Sequence[str] | None = None) -> int:
    """Convert; the exit code."""
    options = parse_args(args)
    progress = partial(track_iter_progress, file=sys.stderr)
    try:
        rows = convert(options.src, options.list, options.dst, options.size, options.seed, progress=progress)
    except MISTAKES as error:
        return fail_or_raise(error)
    num_pass = (rows['label'] == GOOD_LABEL).sum()
    print(f'{len(rows)} crops, {num_pass} PASS and {len(rows) - num_pass} FAIL: {options.dst}/labels.csv')
    return 0


if __name__ == '__main__':
    sys.exit(main())
