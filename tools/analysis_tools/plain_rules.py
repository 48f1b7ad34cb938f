"""How far rules without a network get on a config's test data: differences and SSIM, registered or not.

python tools/analysis_tools/plain_rules.py configs/changenet_hard_boards.py
python tools/analysis_tools/plain_rules.py CONFIG --cfg-options test_dataloader.dataset.ann_file=val.csv
"""

import argparse
import sys

import cv2
import numpy as np
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config whose test_dataloader.dataset is measured')
    parser.add_argument('--rows', type=int, help='so many rows, spread evenly over all; default: every row')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
                        help='replace values of the config')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Carry out the command."""
    options = parse_args(args)
    from mmchangenet.evaluation.plain_rules import plain_aurocs, plain_scores
    from mmchangenet.registry import DATASETS
    try:
        config = Config.fromfile(options.config)
        config.merge_from_dict(options.cfg_options or {})
        init_default_scope(config.get('default_scope', 'mmchangenet'))
        dataset = DATASETS.build(dict(config.test_dataloader.dataset, pipeline=[]))
        is_fail = dataset.gt_fail.astype(bool)
        if is_fail.all() or not is_fail.any():
            raise ValueError(f'{dataset.ann_file} needs PASS and FAIL rows, for the rules to tell apart')
        rows = np.arange(len(dataset))
        if options.rows:
            rows = np.unique(np.linspace(0, len(dataset) - 1, options.rows).astype(int))
        scores = []
        for row in track_iter_progress(rows.tolist()):
            info = dataset.get_data_info(row)
            compare, golden = (list(map(_read, info[side])) for side in ('compare_files', 'golden_files'))
            scores.append(plain_scores(compare, golden))
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(f'\n{len(rows)} rows of {dataset.ann_file}, {is_fail[rows].sum()} of them FAIL; AUROC:')
    for rule, auroc in plain_aurocs(scores, is_fail[rows].tolist()).items():
        print(f'  {auroc:.4f}  {rule}')


def _read(path: str) -> np.ndarray:
    image = cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f'{path} cannot be read as an image')
    return image


if __name__ == '__main__':
    main()
