"""Convert a checkpoint of the Visual ChangeNet toolkit, or a pretrained backbone, to this project's
layout.
"""

import argparse
import sys

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.tao.conversion import to_mmchangenet


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='whole network or backbone; .safetensors too')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--config', help='for a backbone: the config whose model.backbone it is for; '
                                         'position tables and patch '
                        'kernels are resized. Not needed for FAN')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        print(to_mmchangenet(args.source, args.target, args.config))
    except MISTAKES as error:
        return fail_or_raise(error)
    return 0


if __name__ == '__main__':
    sys.exit(main())
