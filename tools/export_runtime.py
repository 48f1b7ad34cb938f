"""Export a trained network for a line's computer: ``python tools/export_runtime.py CONFIG CHECKPOINT
OUT_DIR``.

The folder holds graphs and a JSON file; ``mmchangenet.runtime`` scores with it, without PyTorch. See
docs/runtime.md.
"""

from __future__ import annotations

import argparse
import sys

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmchangenet.cfg_options import CfgOptions


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Export a trained network for mmchangenet.runtime')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('out_dir', help='folder to write; must not exist or be empty')
    parser.add_argument('--margin',
                        type=float,
                        help='call FAIL above this score, whatever checkpoint and config say')
    parser.add_argument('--opset', type=int, default=17, help="version of ONNX's operators; default: 17")
    parser.add_argument('--int8',
                        action='store_true',
                        help="graphs in int8, calibrated on the config's training CSV; AUROC and "
                        'false alarms on its test CSV are printed before and after')
    parser.add_argument('--samples',
                        type=int,
                        default=128,
                        help='with --int8: rows to calibrate on; default: 128')
    parser.add_argument('--cfg-options',
                        nargs='+',
                        action=CfgOptions,
                        metavar='KEY=VALUE',
                        help='replace values of the config')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from mmchangenet.apis.launch import MISTAKES
    from mmchangenet.checkpoint import CheckpointError, load_for_scoring
    from mmchangenet.export.folder import export_folder
    from mmchangenet.export.int8_cost import export_int8_and_compare
    from mmchangenet.export.onnx_export import ExportError
    from mmchangenet.registry import MODELS
    try:
        config = Config.fromfile(args.config)
        config.merge_from_dict(args.cfg_options or {})
        init_default_scope(config.get('default_scope', 'mmchangenet'))
        model = MODELS.build(config.model)
        load_for_scoring(model, args.checkpoint, config)
        if args.margin is not None:
            model.head.margin = args.margin
        if args.int8:
            differences = export_int8_and_compare(model.eval(), config, args.out_dir, args.opset,
                                                  args.samples)
        else:
            differences = export_folder(model.eval(), config, args.out_dir, args.opset)
    except (CheckpointError, ExportError, *MISTAKES) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    for name, difference in differences.items():
        print(f'{name}.onnx: differs from PyTorch by {difference:.1g} at most')
    print(f'{args.out_dir} is ready: threshold {model.head.margin:.9g}. Score with: '
          f'python -m mmchangenet.runtime {args.out_dir} LABELS.csv --out scores.csv')
    return 0


if __name__ == '__main__':
    sys.exit(main())
