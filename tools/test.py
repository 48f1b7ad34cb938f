"""Test a change classifier: ``python tools/test.py CONFIG CHECKPOINT --out scores.csv --show-dir pictures``.

Exit codes: 0; 1 when rows could not be scored, after everything is written; 2 when config, data or checkpoint
are to be mended.
"""

from __future__ import annotations

import argparse
import os
import sys

from mmchangenet.cfg_options import CfgOptions


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a change classifier')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for logs; work_dirs/<config name> by default')
    parser.add_argument('--out',
                        metavar='CSV',
                        help="file for the data's own rows in order with their siamese_score")
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='folder for pictures of escapes and false alarms, score histogram and recall/false-alarm curve')
    parser.add_argument('--margin',
                        type=float,
                        help='call FAIL above this score, whatever checkpoint and config say')
    parser.add_argument('--amp', action='store_true', help='mixed precision; bfloat16 without a GPU')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, for example test_dataloader.dataset.ann_file=other.csv')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='what started the processes')
    parser.add_argument('--local_rank',
                        '--local-rank',
                        type=int,
                        default=0,
                        help='set by torch.distributed.launch')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> int:
    args = parse_args()
    from mmchangenet.apis.launch import prepare_test, run_test, run_tool
    return run_tool(
        lambda: prepare_test(args.config, args.checkpoint, args.work_dir, args.out, args.show_dir, args.
                             margin, args.amp, args.cfg_options, args.launcher), run_test)


if __name__ == '__main__':
    sys.exit(main())
