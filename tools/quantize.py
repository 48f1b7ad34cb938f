"""Int8 form of a converted network: ``python tools/quantize.py CONFIG end2end.onnx int8.onnx``.

Calibrated on the config's training CSV; AUROC and false alarms at full recall on its test CSV are printed
before and after.
"""

from __future__ import annotations

import argparse
import sys

from mmchangenet.cfg_options import CfgOptions


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Int8 form of a converted network')
    parser.add_argument('model_cfg', help='config that the network was trained with')
    parser.add_argument('onnx', help='whole graph in fp32, as tools/deploy.py writes it')
    parser.add_argument('out', help='file for the int8 graph')
    parser.add_argument('--form', choices=['onnxruntime', 'tensorrt'], default='onnxruntime', help='for whom')
    parser.add_argument('--samples', type=int, default=128, help='rows of the training CSV to calibrate on')
    parser.add_argument('--keep-float',
                        nargs='+',
                        default=(),
                        metavar='NODE',
                        help='nodes that stay as they are')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, for example test_dataloader.dataset.ann_file=val.csv')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from mmchangenet.export.int8_cost import quantise_and_compare
    try:
        quantise_and_compare(args.model_cfg, args.onnx, args.out, args.form, args.samples, args.keep_float,
                             args.cfg_options)
    except (ValueError, OSError, LookupError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
