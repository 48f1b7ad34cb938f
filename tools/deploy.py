"""Convert a trained network: ``python tools/deploy.py DEPLOY_CONFIG CONFIG CHECKPOINT LABELS.csv --work-dir
FOLDER``.

The arguments are those of mmdeploy's tools/deploy.py. Exit codes: 0, also when the graph for TensorRT is
ready on a machine without TensorRT; 2 when something is to be mended.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert a trained network')
    parser.add_argument('deploy_cfg', help='deploy config, one of configs/deploy')
    parser.add_argument('model_cfg', help='config that the network was trained with')
    parser.add_argument('checkpoint', help='trained weights')
    parser.add_argument('img',
                        nargs='+',
                        help='label CSV, whose first row is tried; or two images, compare and golden. With '
                        'lightings, board/R1.png stands for board/R1_<lighting>.png')
    parser.add_argument('--test-img', nargs='+', help='another CSV or pair to compare the scores on')
    parser.add_argument('--work-dir', default=os.getcwd(), help='folder for all files')
    parser.add_argument('--device', default='cpu', help="where PyTorch works; 'cuda:0' for TensorRT")
    parser.add_argument('--log-level', default='INFO', choices=list(logging.getLevelNamesMapping())
                        if hasattr(logging, 'getLevelNamesMapping') else list(logging._nameToLevel))
    parser.add_argument('--show', action='store_true', help='open the pictures of the sample')
    parser.add_argument('--dump-info',
                        action='store_true',
                        help='refused: mmdeploy\'s SDK takes one image, not a pair')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from mmchangenet.deploy.change_classification import NO_SDK
    from mmchangenet.deploy.convert import convert
    from mmchangenet.export.tensorrt import TensorRTMissing
    if args.dump_info:
        print(f'error: {NO_SDK}', file=sys.stderr)
        return 2
    try:
        files = convert(args.deploy_cfg, args.model_cfg, args.checkpoint, args.img, args.test_img,
                        args.work_dir, args.device, logging.getLevelName(args.log_level), args.show)
    except TensorRTMissing as notice:
        print(notice)
        return 0
    except (ValueError, OSError, LookupError, ImportError, RuntimeError) as error:
        if os.environ.get('MMCHANGENET_DEBUG'):
            raise
        print(f'error: {error}', file=sys.stderr)
        return 2
    print('written and checked: ' + ', '.join(files))
    return 0


if __name__ == '__main__':
    sys.exit(main())
