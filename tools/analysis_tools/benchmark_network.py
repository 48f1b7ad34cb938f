"""Speed of the networks as a share of what the processor reaches in large matrix products, all in one run.

Operations (two a multiply-add) are counted in two ways: those that our network does, by torch, and those that
the published network does for the same output. Shares are medians over repeats in which the matrix product
and the networks take turns, so that a machine whose speed drifts is measured fairly.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from mmchangenet.models import LearnableDifference, SiameseClassifier
from mmchangenet.structures import ChangeDataSample

PARTS = dict(
    learnable=(dict(type='LearnableDifference'), dict(type='ChangeClsHead')),
    euclidean=(dict(type='EuclideanDifference'), dict(type='ContrastiveHead')))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--archs', nargs='+', default=['tiny', 'small'], help='variants of FAN')
    parser.add_argument('--differences', nargs='+', default=['euclidean', 'learnable'], choices=list(PARTS))
    parser.add_argument('--inference',
                        type=int,
                        nargs=3,
                        default=(4, 512, 128),
                        metavar=('PAIRS', 'HEIGHT', 'WIDTH'))
    parser.add_argument('--training',
                        type=int,
                        nargs=3,
                        default=(8, 128, 128),
                        metavar=('PAIRS', 'HEIGHT', 'WIDTH'))
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--threads', type=int, default=None, help="torch's threads; default: torch's choice")
    return parser.parse_args()


def matrix_product(size: int = 2048) -> Any:
    """A function that multiplies two large matrices, and its number of operations."""
    a, b = torch.randn(2, size, size)
    return lambda: a @ b, 2 * size**3


def spared(model: Any, pairs: Any) -> Any:
    """Operations of the published network that ours leaves out, in a forward pass.

    The published one puts all tokens through all layers of both class-attention blocks, though patch tokens
    come out as if there were no such layers, and it fuses the levels after enlarging them to the finest one's
    size.
    """
    levels = model._feature_shapes()
    width, *grid = levels[-1]
    operations = 2 * pairs * len(
        model.backbone.cls_blocks) * math.prod(grid) * 24 * width**2  # q, k, v, proj and the MLP
    if isinstance(model.neck, LearnableDifference):
        areas = [math.prod(levels[level][1:]) for level in model.neck.used]
        operations += pairs * 2 * model.neck.embed_dim**2 * (len(areas) * areas[0] - sum(areas))
    return operations


def network(arch: Any, difference: Any, size: Any, training: Any) -> Any:
    """A function that runs one batch of pairs, and its numbers of operations, ours and as published.

    In training they are three times those of the forward pass: torch's own count of a backward pass takes a
    depthwise convolution for a full one.
    """
    pairs, height, width = size
    torch.manual_seed(0)
    neck, head = PARTS[difference]
    model = SiameseClassifier(dict(type='FAN', arch=arch), neck, head,
                              input_size=(height, width)).train(training)
    inputs = {side: torch.randn(pairs, 3, height, width) for side in ('compare', 'golden')}
    samples = [ChangeDataSample(gt_fail=row % 2) for row in range(pairs)]

    @torch.inference_mode()
    def infer() -> None:
        model(inputs)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        model(inputs, samples, mode='loss')['loss'].backward()

    with FlopCounterMode(display=False) as counter:
        infer()
    times, ours = 3 if training else 1, counter.get_total_flops()
    return step if training else infer, times * ours, times * (ours + spared(model, pairs))


def seconds(run: Any) -> Any:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(run: Any, reference: Any, repeats: Any) -> Any:
    """Median seconds a call, and the median of how many reference calls, timed before and after, one call
    lasts.
    """
    times, ratios = [], []
    for repeat in range(repeats + 2):
        before = seconds(reference)
        time_taken = seconds(run)
        if repeat >= 2:  # the first calls warm up
            times.append(time_taken)
            ratios.append(2 * time_taken / (before + seconds(reference)))
    return statistics.median(times), statistics.median(ratios)


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    reference, reference_operations = matrix_product()
    fastest = reference_operations / min(seconds(reference) for _ in range(10)) / 1e9
    print(f'large matrix product: {fastest:.0f} GFLOP/s at best, {torch.get_num_threads()} threads')
    print(
        f'{"":34}{"pairs×H×W":>14}{"ms a pair":>11}{"GFLOP a pair":>14}{"share":>8}'
        f'{"as published":>14}{"share":>8}'
    )
    for training in (False, True):
        size = args.training if training else args.inference
        for arch in args.archs:
            for difference in args.differences:
                run, *counts = network(arch, difference, size, training)
                time_taken, ratio = measure(run, reference, args.repeats)
                name = f'{"training step" if training else "inference"} FAN-{arch} {difference}'
                shares = ''.join(f'{count / size[0] / 1e9:14.1f}{count / reference_operations / ratio:8.0%}'
                                 for count in counts)
                print(f'{name:34}{"×".join(map(str, size)):>14}{time_taken / size[0] * 1e3:11.0f}{shares}',
                      flush=True)


if __name__ == '__main__':
    main()
