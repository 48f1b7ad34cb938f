"""Print what configs cost and, given data, what they reach in the same short training, as a markdown table.

    python tools/analysis_tools/compare_backbones.py configs/changenet_resnet_deeppcb.py
        configs/backbones/*.py \\ --data data/deeppcb --minutes 10 --work-dir work_dirs/backbones

Every row is kept in the work dir: a command that was stopped goes on with the rows that are missing.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any


def parse_args(args: Any = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument(
        '--data',
        help='folder with train/train.csv and test/labels.csv (docs/deeppcb.md); default: costs only')
    parser.add_argument('--minutes', type=float, default=10.0, help='training time of each (default: 10)')
    parser.add_argument('--seed', type=int, default=0, help='of weights and draws (default: 0)')
    parser.add_argument('--threads', type=int, default=1, help="torch's threads (default: 1)")
    parser.add_argument('--work-dir', default='work_dirs/backbones', help='where the rows are kept')
    return parser.parse_args(args)


def main(args: Any = None) -> None:
    args = parse_args(args)
    import torch
    from mmengine.config import Config
    from mmengine.logging import MMLogger

    from mmchangenet.apis.backbone_comparison import compare, markdown
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    torch.set_num_threads(args.threads)
    try:
        configs = {Path(file).stem: Config.fromfile(file) for file in args.configs}
        rows = {}
        for name, row in compare(configs, args.work_dir, args.data, args.minutes, args.seed):
            rows[name] = row
            print(f'{name}: {row}', file=sys.stderr, flush=True)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(markdown(rows))


if __name__ == '__main__':
    main()
