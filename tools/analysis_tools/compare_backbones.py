"""Print what configs cost and, given data, what they reach in the same short training, as a markdown table.

    python tools/analysis_tools/compare_backbones.py configs/changenet_resnet_deeppcb.py \\
        configs/backbones/*.py --data data/deeppcb --minutes 10 --work-dir work_dirs/backbones

Every row is kept in the work dir: a command that was stopped goes on with the rows that are missing.

Exit codes: 0; 2 when configs or data are to be mended.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from sklearn.metrics import roc_auc_score
from torch.utils.flop_counter import FlopCounterMode

from mmchangenet.exit_codes import DONE, MISTAKE
from mmchangenet.files import write_text
from mmchangenet.registry import MODELS
from mmchangenet.thresholds import false_alarm_rate_at, threshold_for_recall

WARM_UP = 0.02  # share of the time in which the learning rate rises
PAIRS_AT_ONCE = 8
HEADINGS = ('config', 'parameters', 'GFLOP a pair', 'pairs a second', 'AUROC', 'false alarms at 99 % recall',
            'at 100 %', 'pairs trained on')


def compare(configs: Any, work_dir: str | Path, data: str | Path | None = None, minutes: float = 10.0,
            seed: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure configs one after the other; what ``work_dir`` already has of them is not measured again.

    Args:
        configs: by the names that the rows get.
        work_dir: where each row is kept, as ``NAME.json``.
        data: a folder with ``train/train.csv`` and ``test/labels.csv`` and their images, as
            docs/deeppcb.md makes it; None: costs only.
        minutes: training time of each.
        seed: of weights and draws.

    Yields:
        name and figures, as soon as a row is complete.

    Raises:
        ValueError: when ``work_dir`` has rows of another training time or seed.
    """
    for name, config in configs.items():
        file = Path(work_dir) / f'{name}.json'
        row = json.loads(file.read_text()) if file.is_file() else {}
        if 'cost' not in row:
            row['cost'] = cost(config)
            _keep(row, file)
        asked = dict(minutes=minutes, seed=seed)
        if data is not None and 'training' in row and row['asked'] != asked:
            raise ValueError(f'{file} is of a training of {row["asked"]}, not {asked}: use another folder')
        if data is not None and 'training' not in row:
            config = on_data(config, data)
            model, training = train_for(config, 60 * minutes, seed)
            row.update(asked=asked,
                       training=training,
                       figures=figures(model, Runner.build_dataloader(config.test_dataloader)))
            _keep(row, file)
        yield name, row


def cost(config: Any, seconds: float = 3.0) -> dict[str, Any]:
    """Parameters, operations and speed of a config's network, untrained, with as many threads as torch is set
    to.

    Args:
        config: with ``model``.
        seconds: how long to measure.

    Returns:
        ``parameters``, ``gflop`` a pair (two operations a multiply-add) and ``pairs_per_second``.
    """
    init_default_scope(config.get('default_scope', 'mmchangenet'))
    model = MODELS.build(config.model).eval()
    inputs = {side: torch.randn(PAIRS_AT_ONCE, 3, *model.input_size) for side in ('compare', 'golden')}
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            model(inputs)
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            model(inputs)
            times.append(time.perf_counter() - start)
    return dict(parameters=sum(parameter.numel() for parameter in model.parameters()),
                gflop=counter.get_total_flops() / PAIRS_AT_ONCE / 1e9,
                pairs_per_second=PAIRS_AT_ONCE / float(np.median(times)))


def on_data(config: Any, data: Any) -> Any:
    """The config with the data of a folder: ``train/train.csv`` to train on, ``test/labels.csv`` to test
    on.
    """
    config = copy.deepcopy(config)
    config.train_dataloader.dataset.update(data_root=str(Path(data) / 'train'), ann_file='train.csv')
    config.test_dataloader.dataset.update(data_root=str(Path(data) / 'test'), ann_file='labels.csv')
    return config


def train_for(config: Any, seconds: float, seed: int = 0) -> Any:
    """Train a config's network from its start for a given time, the learning rate falling along a cosine to
    zero.

    Args:
        config: with ``model``, ``train_dataloader`` and ``optim_wrapper``; its schedule is not used.
        seconds: how long.
        seed: of weights and draws.

    Returns:
        the network, and ``steps``, ``pairs`` and ``loss``, the mean of the last tenth.
    """
    init_default_scope(config.get('default_scope', 'mmchangenet'))
    set_random_seed(seed)
    model = MODELS.build(config.model)
    model.init_weights()
    model.train()
    settings = copy.deepcopy(config.train_dataloader)
    settings.sampler.setdefault('seed', seed)  # all networks draw the same rows
    loader = Runner.build_dataloader(settings, seed=seed)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    rates = [group['lr'] for group in wrapper.optimizer.param_groups]
    losses: list[Any] = []
    start, pairs = time.monotonic(), 0
    for batch in _endless(loader):
        share = (time.monotonic() - start) / seconds
        if share >= 1 and losses:
            break
        factor = min(share / WARM_UP, 1) * (1 + math.cos(math.pi * min(share, 1))) / 2
        for group, rate in zip(wrapper.optimizer.param_groups, rates, strict=True):
            group['lr'] = rate * factor
        losses.append(model.train_step(batch, wrapper)['loss'].item())
        pairs += len(batch['data_samples'])
    last = losses[-max(1, len(losses) // 10):]
    return model, dict(steps=len(losses), pairs=pairs, loss=float(np.mean(last)))


def _endless(loader: Any) -> Iterator[Any]:
    epoch = 0
    while True:
        loader.sampler.set_epoch(epoch)
        yield from loader
        epoch += 1


@torch.inference_mode()
def figures(model: Any, loader: Any) -> Any:
    """AUROC, and false alarms in percent of the PASS rows at 99 % and 100 % recall, of all rows of a
    loader.
    """
    model.eval()
    samples = [sample for batch in loader for sample in model.test_step(batch)]
    scores = np.array([sample.score for sample in samples])
    is_fail = np.array([sample.gt_fail == 1 for sample in samples])
    rates = {recall: 100 * false_alarm_rate_at(scores, is_fail, threshold_for_recall(scores, is_fail, recall))
             for recall in (0.99, 1.0)}
    return dict(auroc=float(roc_auc_score(is_fail, scores)),
                at_99=float(rates[0.99]),
                at_100=float(rates[1.0]),
                rows=len(samples))


def markdown(rows: Any) -> Any:
    """The rows of ``compare`` as a markdown table; a dash where nothing was trained."""
    lines = [HEADINGS, ['---'] * len(HEADINGS)]
    for name, row in rows.items():
        price, reached = row['cost'], row.get('figures')
        trained = [f'{reached["auroc"]:.4f}', f'{reached["at_99"]:.2f} %', f'{reached["at_100"]:.2f} %',
                   f'{row["training"]["pairs"]:,}'] if reached else ['–'] * 4
        lines.append([f'`{name}`', f'{price["parameters"] / 1e6:.1f} M', f'{price["gflop"]:.2f}',
                      f'{price["pairs_per_second"]:.1f}', *trained])
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _keep(row: Any, file: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(json.dumps(row, indent=2), file)


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


def main(args: Any = None) -> int:
    args = parse_args(args)
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    torch.set_num_threads(args.threads)
    try:
        configs = {Path(file).stem: Config.fromfile(file) for file in args.configs}
        rows = {}
        for name, row in compare(configs, args.work_dir, args.data, args.minutes, args.seed):
            rows[name] = row
            print(f'{name}: {row}', file=sys.stderr, flush=True)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return MISTAKE
    print(markdown(rows))
    return DONE


if __name__ == '__main__':
    sys.exit(main())
