"""Speed of the exported network, in fp32 and in int8, beside PyTorch and as a share of the processor's
large-matrix rate.

All in one run, same weights and images for all; int8 is calibrated on these images, which speed does not
depend on. ``ChangeRuntime`` scores pairs given as arrays, each with a golden of its own: with nothing cached,
and with all goldens cached. Shares count the operations of the unfolded network, so folding shows as speed.
Everything takes turns with a large matrix product, and figures are medians of ratios within a turn: a machine
whose speed drifts is measured fairly.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.registry import init_default_scope

from mmchangenet.export.folder import export_folder
from mmchangenet.export.int8_folder import quantise_folder
from mmchangenet.models import SiameseClassifier
from mmchangenet.runtime import ChangeRuntime
from mmchangenet.runtime.settings import PRECISIONS

PARTS = dict(
    learnable=(dict(type='LearnableDifference'), dict(type='ChangeClsHead')),
    euclidean=(dict(type='EuclideanDifference'), dict(type='ContrastiveHead')))
LIGHTS, SIZE = 4, 128  # four lightings of 128×128, one below the other
GFLOP = dict(learnable=61.1, euclidean=38.2)  # a pair, unfolded FAN-small at 512×128
MATRIX = 2048
EAGER, PRODUCT = 'PyTorch eager', 'large matrix product'
REST = 0.05  # seconds between measurements, in which the threads of the one before go to sleep


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--differences', nargs='+', default=list(PARTS), choices=list(PARTS))
    parser.add_argument('--backends', nargs='+', default=['onnxruntime'], help='of ChangeRuntime')
    parser.add_argument('--precisions', nargs='+', default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument('--pairs', type=int, default=4, help='pairs a call')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=7)
    return parser.parse_args()


def build_network(difference: Any) -> Any:
    """FAN-small with weights as trained ones: no branch is closed by a small gamma."""
    torch.manual_seed(0)
    neck, head = PARTS[difference]
    model = SiameseClassifier(dict(type='FAN', arch='small'), neck, head,
                              input_size=(LIGHTS * SIZE, SIZE)).eval()
    for name, parameter in model.named_parameters():
        if 'gamma' in name:
            torch.nn.init.uniform_(parameter, 0.2, 1)
    return model


def config() -> Any:
    """The part of a config that an export reads."""
    pipeline = [
        dict(type='LoadLightings'),
        dict(type='PairedResize', size=(SIZE, SIZE)),
        dict(type='LayOutLightings'),
        dict(type='PackChangeInputs')
    ]
    lights = {f'light{number}': number for number in range(LIGHTS)}
    return dict(test_dataloader=dict(
        dataset=dict(type='LightingPairDataset', input_map=lights, pipeline=pipeline)))


def sides_of(pairs: Any) -> Any:
    """Laid-out images of compare and golden sides, uint8 (n, 3, H, W) each."""
    return [np.stack([np.concatenate(pair[side]) for pair in pairs]).transpose(0, 3, 1, 2) for side in (0, 1)]


def folders_of(model: Any, place: Any, pairs: Any, precisions: Any) -> Any:
    """Precision → exported folder."""
    folders = {precision: Path(place, precision) for precision in PRECISIONS}
    export_folder(model, config(), folders['fp32'])
    if 'int8' in precisions:
        quantise_folder(folders['fp32'], folders['int8'], [sides_of(pairs)])
    return {precision: folders[precision] for precision in precisions}


class Contestant(NamedTuple):
    """A way to score with ``ChangeRuntime``."""

    backend: str
    precision: str
    cached: bool

    def __str__(self) -> str:
        return f'{self.backend}, {self.precision}, {"goldens" if self.cached else "nothing"} cached'

    def rivals(self) -> Any:
        """Whom it is compared with besides PyTorch: itself with nothing cached, and in fp32."""
        return self._replace(cached=False), self._replace(precision='fp32')


def contestants(model: Any, folders: Any, pairs: Any, threads: Any, backends: Any) -> Any:
    """``EAGER`` and each ``Contestant`` → function that scores all pairs."""
    compare, golden = map(torch.from_numpy, sides_of(pairs))

    @torch.inference_mode()
    def eager() -> Any:
        inputs = model.data_preprocessor(dict(inputs=dict(compare=compare, golden=golden)))['inputs']
        return model.head.scores(model(inputs)).numpy()

    runs: dict[Any, Any] = {EAGER: eager}
    for name in itertools.starmap(Contestant, itertools.product(backends, folders, (False, True))):
        runtime = ChangeRuntime(folders[name.precision], name.backend, threads, name.cached << 32)
        runs[name] = lambda runtime=runtime: [result.score for result in runtime.score_pairs(pairs)]
    return runs


def seconds(run: Any) -> Any:
    """How long one call takes."""
    time.sleep(REST)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(runs: Any, repeats: Any) -> Any:
    """One dict a turn: name → seconds, the large matrix product among them."""
    a, b = torch.randn(2, MATRIX, MATRIX)
    runs = {PRODUCT: lambda: a @ b, **runs}
    turns = [{name: seconds(run) for name, run in runs.items()} for _ in range(repeats + 2)]
    return turns[2:]  # the first turns warm up


def report(difference: Any, turns: Any, num_pairs: Any) -> None:
    """Print a row a contestant."""

    def ratio(name: Any, other: Any) -> Any:
        """Median of a time divided by another of the same turn, as text; empty where there is no such
        other.
        """
        known = other in turns[0] and other != name
        return f'{statistics.median(turn[name] / turn[other] for turn in turns):.2f}' if known else ''

    product, work = 2 * MATRIX**3, GFLOP[difference] * 1e9 * num_pairs
    rate = statistics.median(product / turn[PRODUCT] / 1e9 for turn in turns)
    print(
        f'\nFAN-small, {difference}, {num_pairs} pairs of 2×{LIGHTS}×{SIZE}×{SIZE}; large matrix product: '
        f'{rate:.0f} GFLOP/s'
    )
    print_row('', 'ms a pair', 'share', 'of eager', 'of uncached', 'of fp32')
    for name in [name for name in turns[0] if name != PRODUCT]:
        own = statistics.median(turn[name] for turn in turns) / num_pairs
        share = statistics.median(work / turn[name] / (product / turn[PRODUCT]) for turn in turns)
        rivals = name.rivals() if name != EAGER else ()
        print_row(name, f'{own * 1e3:.0f}', f'{share:.0%}',
                  *(ratio(name, other) for other in (EAGER, *rivals)))


def print_row(name: Any, *cells: Any) -> None:
    print(f'{name!s:36}' + ''.join(f'{cell:>12}' for cell in cells), flush=True)


def report_scores(scores: Any) -> None:
    """Print how far scores differ from PyTorch's, for each precision."""
    wanted = scores.pop(EAGER)
    print(f'scores: {min(wanted):.3g} to {max(wanted):.3g}')
    for precision in dict.fromkeys(name.precision for name in scores):
        of_this = [found for name, found in scores.items() if name.precision == precision]
        worst = float(np.abs(np.subtract(of_this, wanted)).max())
        print(f'{precision}: they differ from those of PyTorch by {worst:.1g} at most')


def main() -> None:
    args = parse_args()
    init_default_scope('mmchangenet')
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    brightness = rng.uniform(0.2, 1, (args.pairs, 2, 1, 1, 1, 1))  # so that scores differ
    images = (rng.uniform(0, 256, (args.pairs, 2, LIGHTS, SIZE, SIZE, 3)) * brightness).astype(np.uint8)
    pairs = [(list(compare), list(golden)) for compare, golden in images]
    for difference in args.differences:
        model = build_network(difference)
        with tempfile.TemporaryDirectory() as place:
            folders = folders_of(model, place, pairs, args.precisions)
            runs = contestants(model, folders, pairs, args.threads, args.backends)
            scores = {name: run() for name, run in runs.items()}
            report(difference, measure(runs, args.repeats), args.pairs)
        report_scores(scores)


if __name__ == '__main__':
    main()
