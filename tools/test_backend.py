"""Test a converted network: ``python tools/test_backend.py DEPLOY_CONFIG CONFIG --model FILE --out
scores.csv``.

The arguments are those of mmdeploy's tools/test.py. Exit codes: 0; 1 when rows could not be scored, after
everything is written; 2 when config, data or files are to be mended.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mmchangenet.cfg_options import CfgOptions


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a converted network')
    parser.add_argument('deploy_cfg', help='deploy config that it was converted with')
    parser.add_argument('model_cfg', help='config that it was trained with')
    parser.add_argument('--model', nargs='+', required=True, help='the backend\'s file, such as end2end.onnx')
    parser.add_argument('--out',
                        metavar='CSV',
                        help="file for the data's own rows in order with their siamese_score")
    parser.add_argument('--device', default='cpu', help='where the backend works')
    parser.add_argument('--work-dir', default='./work_dir', help='folder for logs')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, for example test_dataloader.dataset.ann_file=other.csv')
    parser.add_argument('--batch-size',
                        type=int,
                        default=1,
                        help='pairs at a time; 1 for graphs of a fixed batch')
    parser.add_argument('--show-dir', metavar='DIR', help='folder for pictures of escapes and false alarms')
    parser.add_argument('--speed-test', action='store_true', help='measure the time of the backend alone')
    parser.add_argument('--warmup', type=int, default=10, help='batches before measuring')
    parser.add_argument('--log-interval', type=int, default=100, help='batches between two times')
    parser.add_argument('--log2file', metavar='FILE', help='file for the log and the times')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from mmchangenet.apis.launch import run_test, run_tool
    from mmchangenet.deploy.evaluate import prepare_backend_test, timing

    def test(runner: Any) -> Any:
        with timing(args.speed_test, args.warmup, args.log_interval, args.log2file, args.batch_size,
                    args.device):
            return run_test(runner)

    return run_tool(
        lambda:
        prepare_backend_test(args.deploy_cfg, args.model_cfg, args.model, args.device, args.work_dir, args.
                             out, args.show_dir, args.batch_size, args.cfg_options, args.log2file), test)


if __name__ == '__main__':
    sys.exit(main())
