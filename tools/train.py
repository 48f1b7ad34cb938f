"""Train a change classifier: ``python tools/train.py CONFIG``.

In several processes: ``torchrun --nproc_per_node N tools/train.py CONFIG --launcher pytorch``, with or
without GPUs.
"""

from __future__ import annotations

import argparse
import os
import sys

from mmengine.runner import Runner

from mmchangenet.cfg_options import CfgOptions


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a change classifier')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for checkpoints and logs; work_dirs/<config name> by '
                                           'default')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='go on from this checkpoint; without a name, from the newest whole one of the '
                             'work dir, if any')
    parser.add_argument('--amp', action='store_true', help='mixed precision; bfloat16 without a GPU')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help="scale the learning rate with the batch size, from the config's base_batch_size")
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, metavar='KEY=VALUE',
                        help='replace values of the config, for example train_cfg.max_epochs=5 '
                             'optim_wrapper.optimizer.lr=1e-3')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='what started the processes')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help='set by torch.distributed.launch')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> int:
    args = parse_args()
    from mmchangenet.apis.launch import prepare_train, run_tool

    def work(runner: Runner) -> None:
        runner.train()

    return run_tool(
        lambda: prepare_train(args.config, args.work_dir, args.resume, args.amp, args.auto_scale_lr, args.
                              cfg_options, args.launcher), work)


if __name__ == '__main__':
    sys.exit(main())
