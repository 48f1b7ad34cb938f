"""Decrypt a file that ``visual_changenet export`` wrote under encryption_key."""

import argparse
import os
import sys

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.files import replacing
from mmchangenet.tao.encryption import read_encrypted

KEY = 'ENCRYPTION_KEY'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='encrypted file (.etlt)')
    parser.add_argument('target', help='ONNX file to write')
    parser.add_argument('--key', help=f'the encryption_key; default: the environment variable {KEY}')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        key = args.key or os.environ.get(KEY)
        if not key:
            raise ValueError(f'give --key or set {KEY}')
        content = read_encrypted(args.source, key)
        if os.path.exists(args.target):
            raise FileExistsError(f'{args.target} exists: remove it or choose another name')
        with replacing(args.target) as file:
            file.write(content)
    except MISTAKES as error:
        return fail_or_raise(error)
    return 0


if __name__ == '__main__':
    sys.exit(main())
