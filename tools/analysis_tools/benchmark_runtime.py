"""Speed of the exported network beside PyTorch and as a share of the processor's large-matrix rate, all in one run.

Same weights and images for all. ``ChangeRuntime`` scores pairs given as arrays, each with a golden of its own: with nothing
cached, and with all goldens cached. Shares count the operations of the unfolded network, so folding shows as speed. Everything
takes turns with a large matrix product, and figures are medians of ratios within a turn: a machine whose speed drifts is
measured fairly.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope

from mmchangenet.deploy.export_folder import export_folder
from mmchangenet.models import SiameseClassifier
from mmchangenet.runtime import ChangeRuntime

PARTS = dict(
    learnable=(dict(type='LearnableDifference'), dict(type='ChangeClsHead')),
    euclidean=(dict(type='EuclideanDifference'), dict(type='ContrastiveHead')))
LIGHTS, SIZE = 4, 128  # four lightings of 128×128, one below the other
GFLOP = dict(learnable=61.1, euclidean=38.2)  # a pair, unfolded FAN-small at 512×128
MATRIX = 2048
REST = 0.05  # seconds between measurements, in which the threads of the one before go to sleep


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--differences', nargs='+', default=list(PARTS), choices=list(PARTS))
    parser.add_argument('--backends', nargs='+', default=['onnxruntime'], help='of ChangeRuntime')
    parser.add_argument('--pairs', type=int, default=4, help='pairs a call')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=7)
    return parser.parse_args()


def build_network(difference):
    """FAN-small with weights as trained ones: no branch is closed by a small gamma."""
    torch.manual_seed(0)
    neck, head = PARTS[difference]
    model = SiameseClassifier(dict(type='FAN', arch='small'), neck, head, input_size=(LIGHTS * SIZE, SIZE)).eval()
    for name, parameter in model.named_parameters():
        if 'gamma' in name:
            torch.nn.init.uniform_(parameter, 0.2, 1)
    return model


def config():
    """The part of a config that an export reads."""
    pipeline = [dict(type='LoadLightings'), dict(type='PairedResize', size=(SIZE, SIZE)), dict(type='LayOutLightings'),
                dict(type='PackChangeInputs')]
    lights = {f'light{number}': number for number in range(LIGHTS)}
    return dict(test_dataloader=dict(dataset=dict(type='LightingPairDataset', input_map=lights, pipeline=pipeline)))


def contestants(model, folder, pairs, threads, backends):
    """Name → function that scores all pairs."""

    @torch.inference_mode()
    def eager():
        sides = [torch.from_numpy(np.stack([np.concatenate(pair[side]) for pair in pairs]).transpose(0, 3, 1, 2))
                 for side in (0, 1)]
        inputs = model.data_preprocessor(dict(inputs=dict(compare=sides[0], golden=sides[1])))['inputs']
        return model.head.scores(model(inputs)).numpy()

    runs = {'PyTorch eager': eager}
    for backend in backends:
        for name, cache_bytes in (('nothing cached', 0), ('goldens cached', 1 << 32)):
            runtime = ChangeRuntime(folder, backend, threads, cache_bytes)
            runs[f'{backend}, {name}'] = lambda runtime=runtime: [result.score for result in runtime.score_pairs(pairs)]
    return runs


def seconds(run):
    """How long one call takes."""
    time.sleep(REST)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(runs, repeats):
    """One dict a turn: name → seconds, ``matrix`` among them."""
    a, b = torch.randn(2, MATRIX, MATRIX)
    runs = {'matrix': lambda: a @ b, **runs}
    turns = [{name: seconds(run) for name, run in runs.items()} for _ in range(repeats + 2)]
    return turns[2:]  # the first turns warm up


def report(difference, turns, num_pairs):
    """Print a row a contestant."""
    eager = 'PyTorch eager'
    rate = statistics.median(2 * MATRIX**3 / turn['matrix'] / 1e9 for turn in turns)
    print(f'\nFAN-small, {difference}, {num_pairs} pairs of 2×{LIGHTS}×{SIZE}×{SIZE}; large matrix product: {rate:.0f} GFLOP/s')
    print(f'{"":32}{"ms a pair":>11}{"share":>8}{"of eager":>10}{"of uncached":>13}')
    for name in [name for name in turns[0] if name != 'matrix']:
        own = statistics.median(turn[name] for turn in turns) / num_pairs
        work = GFLOP[difference] * 1e9 * num_pairs
        share = statistics.median(work / turn[name] / (2 * MATRIX**3 / turn['matrix']) for turn in turns)
        of_eager = statistics.median(turn[name] / turn[eager] for turn in turns)
        uncached = name.replace('goldens', 'nothing')
        ratio = f'{statistics.median(turn[name] / turn[uncached] for turn in turns):.2f}' if name != uncached else ''
        print(f'{name:32}{own * 1e3:11.0f}{share:8.0%}{of_eager:10.2f}{ratio:>13}', flush=True)


def main():
    args = parse_args()
    init_default_scope('mmchangenet')
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    brightness = rng.uniform(0.2, 1, (args.pairs, 2, 1, 1, 1, 1))  # so that scores differ
    images = (rng.uniform(0, 256, (args.pairs, 2, LIGHTS, SIZE, SIZE, 3)) * brightness).astype(np.uint8)
    pairs = [(list(compare), list(golden)) for compare, golden in images]
    for difference in args.differences:
        model = build_network(difference)
        with tempfile.TemporaryDirectory() as folder:
            export_folder(model, config(), Path(folder, 'exported'))
            runs = contestants(model, Path(folder, 'exported'), pairs, args.threads, args.backends)
            scores = [run() for run in runs.values()]
            report(difference, measure(runs, args.repeats), args.pairs)
        worst = max(float(np.abs(np.subtract(other, scores[0])).max()) for other in scores[1:])
        print(f'scores, {min(scores[0]):.3g} to {max(scores[0]):.3g}, differ from those of PyTorch by {worst:.1g} at most')


if __name__ == '__main__':
    main()
