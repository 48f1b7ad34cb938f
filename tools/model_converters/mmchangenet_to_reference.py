"""Convert a checkpoint of this project to the Visual ChangeNet toolkit's layout."""

import argparse
import sys

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.tao.conversion import to_reference


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='checkpoint of a network that the toolkit has')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--backbone', action='store_true', help='write the bare backbone')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        print(to_reference(args.source, args.target, args.backbone))
    except MISTAKES as error:
        return fail_or_raise(error)
    return 0


if __name__ == '__main__':
    sys.exit(main())
