"""What a GPU does to scores, speed, memory and training, as JSON and Markdown, written after every case.

    python tools/analysis_tools/check_gpu.py --out-dir work_dirs/check_gpu --deeppcb data/deeppcb

Networks have random weights, which neither speed nor arithmetic depends on. A case that fails is a line of
the table; so is one that cannot be tried here or that the time does not suffice for. ``--small`` tries the
check itself, on any machine, in two minutes.
"""

from __future__ import annotations

import argparse
import csv
import functools
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmchangenet.checkpoint import read_checkpoint
from mmchangenet.files import write_text
from mmchangenet.models import SiameseClassifier
from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample

ROOT = Path(__file__).resolve().parents[2]  # of a checkout, or of what `mim` installs
DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'
AUTOCAST = dict(fp32=None, tf32=None, fp16=torch.float16, bf16=torch.bfloat16)
PRECISIONS = tuple(AUTOCAST) if DEVICE == 'cuda' else ('fp32', 'bf16')
NETWORKS = {'FAN-small, learnable': 'changenet_fan.py', 'DINOv2-L, Euclidean': 'changenet_dinov2.py'}
SMALL: dict[str, dict[str, Any]] = {
    'FAN-small, learnable': dict(input_size=(64, 32), backbone=dict(arch='tiny')),
    'DINOv2-L, Euclidean': dict(input_size=(56, 56), backbone=dict(
        arch=dict(width=32, depth=2, num_heads=2, hidden_dim=64, swiglu=True)))}
PARITY_PAIRS = 16
TIMED = 0.5  # seconds of repeats of a measurement
REPEATS = range(3, 31)  # how many that may be
TRAINING = 'changenet_resnet_deeppcb.py'
RESUME_ROWS = 64
ENGINES = ('CUDA', 'Tensorrt', 'CPU')  # of ONNX Runtime; the last to try the check itself
REPORT = 'check_gpu'
Figures = dict[str, float | str]
GIB = 1 << 30


class CannotTry(Exception):
    """A case needs what is not here; the message says what."""


@dataclass
class Case:
    """A line of the report.

    Attributes:
        part: what belongs together in one table.
        name: of the case, unique in its part.
        status: ``done``, ``skipped`` or ``failed``.
        seconds: that it took, all told.
        figures: name → value.
        message: why it was skipped or failed.
    """

    part: str
    name: str
    status: str = 'done'
    seconds: float = 0.0
    figures: Figures = field(default_factory=dict)
    message: str = ''

    def cells(self, columns: list[str]) -> list[str]:
        """The table's line as text."""
        message = self.message.replace('|', '/')
        told = [self.status + (f': {message}' if message else '')]
        return [self.name, *(shown(self.figures.get(column, '')) for column in columns), *told]


class Report:
    """Cases so far, on the disk at any time.

    Args:
        folder: for ``check_gpu.json`` and ``check_gpu.md``; neither may exist.
        seconds: after which no case is begun.
        small: whether the networks are not those named.
    """

    def __init__(self, folder: Path, seconds: float, small: bool) -> None:
        self.files = {kind: folder / f'{REPORT}.{kind}' for kind in ('json', 'md')}
        if given := [str(file) for file in self.files.values() if file.exists()]:
            raise FileExistsError(f'{", ".join(given)} exists: name another --out-dir')
        folder.mkdir(parents=True, exist_ok=True)
        self.end = time.monotonic() + seconds
        self.cases: list[Case] = []
        self.environment = environment()
        if small:
            self.environment['networks'] = 'tiny ones in place of those named'
        print(', '.join(f'{name} {value}' for name, value in self.environment.items()), flush=True)

    def attempt(self, part: str, name: str, work: Callable[[], Figures]) -> None:
        """Carry out a case, whatever comes of it, and write the report."""
        case, start = Case(part, name), time.monotonic()
        try:
            if start > self.end:
                raise CannotTry('the time was over')
            case.figures = work()
        except CannotTry as reason:
            case.status, case.message = 'skipped', str(reason)
        except Exception as error:
            case.status, case.message = 'failed', f'{type(error).__name__}: {first_words(error)}'
        case.seconds = round(time.monotonic() - start, 1)
        gc.collect()
        if DEVICE == 'cuda':
            torch.cuda.empty_cache()
        self.cases.append(case)
        figures = ', '.join(f'{key} {shown(value)}' for key, value in case.figures.items())
        print(f'{case.status:8}{part}: {name}: {figures or case.message} ({case.seconds} s)', flush=True)
        self.write()

    def write(self) -> None:
        """Both files, whole."""
        content = dict(environment=self.environment, cases=[asdict(case) for case in self.cases])
        write_text(json.dumps(content, indent=1), self.files['json'])
        write_text(self.markdown(), self.files['md'])

    def markdown(self) -> str:
        """The environment in a sentence and a table per part."""
        lines = [', '.join(f'{name} {value}' for name, value in self.environment.items()) + '.']
        for part in dict.fromkeys(case.part for case in self.cases):
            cases = [case for case in self.cases if case.part == part]
            columns = list(dict.fromkeys(name for case in cases for name in case.figures))
            lines += ['', f'**{part}**', '', row(['', *columns, 'status']), row(['---'] * (len(columns) + 2))]
            lines += [row(case.cells(columns)) for case in cases]
        return '\n'.join([*lines, ''])


def row(cells: list[str]) -> str:
    """A line of a Markdown table."""
    return f'| {" | ".join(cells)} |'


def shown(value: float | str) -> str:
    """A figure with as many digits as mean something."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else f'{value:.4g}'


def first_words(error: Exception, length: int = 300) -> str:
    """The beginning of an error's message, in a line."""
    return ' '.join(str(error).split())[:length]


def environment() -> dict[str, str]:
    """What the figures depend on."""
    card = {}
    if DEVICE == 'cuda':
        memory = torch.cuda.get_device_properties(0).total_memory / GIB
        card = {'card': f'{torch.cuda.get_device_name()} ({memory:.0f} GiB)', 'CUDA': str(torch.version.cuda),
                'cuDNN': str(torch.backends.cudnn.version())}
    return {**(card or {'card': 'none'}), 'torch': torch.__version__, 'Python': platform.python_version(),
            'processor cores': str(len(os.sched_getaffinity(0)))}


# -- networks ------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def network(name: str, small: bool) -> SiameseClassifier:
    """A network of ``NETWORKS`` on the CPU, seeded; no branch of it is closed by a small gamma."""
    config = Config.fromfile(ROOT / 'configs' / NETWORKS[name])
    if small:
        config.model.input_size = SMALL[name]['input_size']
        config.model.backbone.update(SMALL[name]['backbone'])
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    for parameter_name, parameter in model.named_parameters():
        if 'gamma' in parameter_name:
            torch.nn.init.uniform_(parameter, 0.2, 1)
    return model


def images(model: SiameseClassifier, pairs: int) -> dict[str, torch.Tensor]:
    """Noise of differing brightness, so that scores differ: both sides, uint8 (pairs, 3, H, W)."""
    generator = torch.Generator().manual_seed(0)
    sides = torch.rand(2, pairs, 3, *model.input_size, generator=generator)
    sides *= torch.linspace(50, 256, 2 * pairs).reshape(2, pairs, 1, 1, 1)
    return dict(zip(('compare', 'golden'), sides.to(torch.uint8), strict=True))


class Mode(NamedTuple):
    """How a network is run."""

    precision: str
    channels_last: bool = False
    compiled: bool = False
    recompute: bool = True

    def __str__(self) -> str:
        extras = {'channels-last': self.channels_last, 'compiled': self.compiled,
                  'activations kept': not self.recompute}
        return ', '.join([self.precision, *(name for name, wanted in extras.items() if wanted)])


@contextmanager
def prepared(model: SiameseClassifier, mode: Mode) -> Iterator[None]:
    """The network on the device as a mode wants it; afterwards as it was."""
    tf32, recomputes = mode.precision == 'tf32', getattr(model.backbone, 'with_cp', False)
    torch.set_float32_matmul_precision('high' if tf32 else 'highest')
    torch.backends.cudnn.allow_tf32 = tf32
    model.to(DEVICE)
    model.to(memory_format=torch.channels_last if mode.channels_last else torch.contiguous_format)
    model.backbone.with_cp = recomputes and mode.recompute
    if mode.compiled:
        torch._dynamo.reset()
        model.__dict__['forward'] = torch.compile(model.forward)
    try:
        yield
    finally:
        model.backbone.with_cp = recomputes
        if mode.compiled:
            del model.__dict__['forward']
        model.zero_grad(set_to_none=True)
        model.to(memory_format=torch.contiguous_format)


@torch.inference_mode()
def scores(model: SiameseClassifier, inputs: dict[str, torch.Tensor], precision: str) -> torch.Tensor:
    """Scores (N,) of laid-out images, back on the CPU."""
    dtype = AUTOCAST[precision]
    with torch.autocast(model.data_preprocessor.device.type, dtype, enabled=dtype is not None):
        output = model(model.data_preprocessor(dict(inputs=inputs))['inputs'])
    return model.head.scores(output.float()).cpu()


def measure(run: Callable[[], object], pairs: int) -> Figures:
    """Median time of a call after two to warm up, the rate and the most memory that tensors took."""

    def seconds() -> float:
        start = time.perf_counter()
        run()
        if DEVICE == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter() - start

    if DEVICE == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    expected = [seconds(), seconds()][-1]
    number = min(max(REPEATS.start, int(TIMED / expected)), REPEATS.stop - 1)
    middle = statistics.median(seconds() for _ in range(number))
    figures: Figures = {'ms a batch': 1e3 * middle, 'pairs/s': pairs / middle}
    if DEVICE == 'cuda':
        figures['peak memory, GiB'] = torch.cuda.max_memory_allocated() / GIB
    return figures


# -- parts: each makes cases of a report ---------------------------------------------------------------------


def parity(report: Report, args: argparse.Namespace) -> None:
    """Scores of the device in each precision against float32 on the CPU."""
    for name in NETWORKS:
        wanted = functools.cache(functools.partial(reference_scores, name, args.small))
        for precision in PRECISIONS:
            report.attempt('Scores against float32 on the CPU', f'{name}, {precision}', functools.partial(
                differences, name, args.small, precision, wanted))


def reference_scores(name: str, small: bool) -> torch.Tensor:
    """On the CPU in float32."""
    model = network(name, small).cpu().eval()
    return scores(model, images(model, PARITY_PAIRS), 'fp32')


def differences(name: str, small: bool, precision: str, wanted: Callable[[], torch.Tensor]) -> Figures:
    """How far the device's scores are from those wanted."""
    expected, model = wanted(), network(name, small).eval()
    with prepared(model, Mode(precision)):
        found = scores(model, images(model, PARITY_PAIRS), precision)
    if not found.isfinite().all():
        raise ArithmeticError(f'{int((~found.isfinite()).sum())} of {PARITY_PAIRS} scores are no numbers')
    difference, spread = (found - expected).abs().max(), expected.max() - expected.min()
    return {'scores': f'{expected.min():.4g} to {expected.max():.4g}',
            'largest difference': float(difference), 'of their spread': f'{float(difference / spread):.1%}'}


def inference(report: Report, args: argparse.Namespace) -> None:
    """Speed of scoring, images on the CPU and scores back there, in the smallest and the largest batch."""
    for name in NETWORKS:
        for pairs in dict.fromkeys((args.batch_sizes[0], args.batch_sizes[-1])):
            for mode in modes(pairs == args.batch_sizes[-1]):
                report.attempt('Inference', f'{name}, {pairs} pairs, {mode}', functools.partial(
                    timed_inference, name, args.small, pairs, mode))


def timed_inference(name: str, small: bool, pairs: int, mode: Mode) -> Figures:
    """The figures of ``measure`` for scoring a batch."""
    model = network(name, small).eval()
    inputs = images(model, pairs)
    with prepared(model, mode):
        return measure(lambda: scores(model, inputs, mode.precision), pairs)


def training_step(report: Report, args: argparse.Namespace) -> None:
    """Speed and memory of a step: forward, backward, AdamW."""
    for name in NETWORKS:
        for pairs in args.batch_sizes:
            largest = pairs == args.batch_sizes[-1]
            kept = [Mode('bf16', recompute=False)] if largest and name.startswith('DINOv2') else []
            for mode in [*modes(largest), *kept]:
                report.attempt('Training step', f'{name}, {pairs} pairs, {mode}', functools.partial(
                    timed_step, name, args.small, pairs, mode))


def timed_step(name: str, small: bool, pairs: int, mode: Mode) -> Figures:
    """The figures of ``measure`` for a training step; its loss has to stay finite."""
    model = network(name, small).train()
    samples = [ChangeDataSample(gt_fail=number % 2) for number in range(pairs)]
    data = dict(inputs=images(model, pairs), data_samples=samples)
    losses: list[torch.Tensor] = []
    with prepared(model, mode):
        optimizer = build_optim_wrapper(model, optim_wrapper(mode.precision))
        figures = measure(lambda: losses.append(model.train_step(data, optimizer)['loss'].detach()), pairs)
    if not losses[-1].isfinite():
        network.cache_clear()  # its weights may be spoilt
        raise ArithmeticError(f'the loss is {losses[-1].item()} after {len(losses)} steps')
    return figures


def optim_wrapper(precision: str) -> dict[str, Any]:
    """As a config has it, or --amp makes it."""
    optimizer = dict(type='AdamW', lr=1e-5, weight_decay=0.01)
    dtype = AUTOCAST[precision]
    if dtype is None:
        return dict(type='OptimWrapper', optimizer=optimizer)
    if DEVICE == 'cpu':
        return dict(type='mmchangenet.Bf16OptimWrapper', optimizer=optimizer)
    return dict(type='AmpOptimWrapper', dtype=str(dtype).rpartition('.')[2], optimizer=optimizer)


def modes(largest: bool) -> list[Mode]:
    """Those for every batch size, and more for the largest."""
    return [Mode(precision) for precision in PRECISIONS] + [Mode('bf16', channels_last=True)] * largest


def compiled(report: Report, args: argparse.Namespace) -> None:
    """The same with ``torch.compile``, at the largest batch size: compiling takes long."""
    if DEVICE == 'cpu':
        print('torch.compile takes minutes on a processor: it is tried on a GPU only', flush=True)
        return
    pairs, mode = args.batch_sizes[-1], Mode('bf16', compiled=True)
    for name in NETWORKS:
        for part, work in (('Inference', timed_inference), ('Training step', timed_step)):
            report.attempt(part, f'{name}, {pairs} pairs, {mode}', functools.partial(
                work, name, args.small, pairs, mode))


def engines(report: Report, args: argparse.Namespace) -> None:
    """The exported network on ONNX Runtime's providers for GPUs."""
    pairs = args.batch_sizes[0]
    for name in NETWORKS:
        for provider in ENGINES[:len(ENGINES) if args.small else -1]:
            report.attempt('Exported network', f'{name}, {pairs} pairs, {provider}', functools.partial(
                timed_engine, name, args.small, pairs, f'{provider}ExecutionProvider'))


def timed_engine(name: str, small: bool, pairs: int, provider: str) -> Figures:
    """The figures of ``measure`` for scoring a batch, and how far scores are from PyTorch's on the CPU."""
    try:
        import onnxruntime

        from mmchangenet.export.onnx_export import export_onnx
    except ImportError as error:
        raise CannotTry(str(error)) from error
    if provider not in onnxruntime.get_available_providers():
        raise CannotTry(f'this ONNX Runtime {onnxruntime.__version__} has no {provider}')
    model = network(name, small).cpu().eval()
    inputs = images(model, pairs)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'network.onnx')
        export_onnx(model, file, model.input_size, output='score', normalise=True)
        session = onnxruntime.InferenceSession(str(file), providers=[provider])
    if provider not in session.get_providers():
        raise CannotTry(f'{provider} does not start here')
    names = [value.name for value in session.get_inputs()]
    arrays = dict(zip(names, (side.numpy() for side in inputs.values()), strict=True))
    found = session.run(None, arrays)[0]
    figures = measure(lambda: session.run(None, arrays), pairs)
    figures.pop('peak memory, GiB', None)  # torch knows of its own alone
    wanted = scores(model, inputs, 'fp32').numpy()
    return {**figures, 'largest difference': float(np.abs(found - wanted).max())}


# -- trainings, as the command runs them ---------------------------------------------------------------------


class Training:
    """A training in a process of its own.

    Args:
        work_dir: its folder.
        options: in the place of the config's values.
        arguments: more of the command's.
        on_cpu: without the GPU.
    """

    def __init__(
            self, work_dir: Path, options: dict[str, Any], *arguments: str, on_cpu: bool = False) -> None:
        self.work_dir = work_dir
        settings = [f'{key}={value}' for key, value in options.items()]
        command = [sys.executable, ROOT / 'tools/train.py', ROOT / 'configs' / TRAINING,
                   '--work-dir', work_dir, *arguments, '--cfg-options', *settings]
        changes = dict(CUBLAS_WORKSPACE_CONFIG=':4096:8')  # deterministic products ask for it
        changes['PYTHONPATH'] = os.pathsep.join(path for path in sys.path if path)  # it imports what we do
        if on_cpu:
            changes['CUDA_VISIBLE_DEVICES'] = ''
        self.process = subprocess.Popen(
            list(map(str, command)), env={**os.environ, **changes}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait(self, seconds: float) -> None:
        """Until it is done.

        Raises:
            RuntimeError: with the end of its output, when it failed or took longer.
        """
        try:
            output = self.process.communicate(timeout=max(1, seconds))[0]
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.communicate()
            raise RuntimeError(f'it was not done after {seconds:.0f} s') from error
        if self.process.returncode:
            raise RuntimeError(f'exit code {self.process.returncode}: … {output.strip()[-250:]}')

    def logged(self) -> list[dict[str, float]]:
        """What it logged, a dict a line."""
        file = next(self.work_dir.glob('*/vis_data/scalars.json'))
        return [json.loads(line) for line in file.read_text().splitlines()]


def resume(report: Report, args: argparse.Namespace) -> None:
    """Two epochs unbroken against one and one resumed, with deterministic algorithms."""
    for name, extra in (('fp32', []), ('mixed precision', ['--amp'])):
        report.attempt('Training', f'ResNet-18, resumed, {name}', functools.partial(
            resumed_difference, args.out_dir / 'resume' / name.split()[0], extra, report))


def resumed_difference(folder: Path, extra: list[str], report: Report) -> Figures:
    """How many weights of the second epoch's checkpoint differ."""
    write_random_pairs(folder / 'data')
    options: dict[str, Any] = {'randomness.deterministic': True}
    for loader in ('train_dataloader', 'val_dataloader'):
        options.update({
            f'{loader}.dataset.data_root': folder / 'data', f'{loader}.dataset.ann_file': 'labels.csv',
            f'{loader}.batch_size': 16, f'{loader}.num_workers': 1})
    epochs = dict(unbroken=2, resumed=1)
    ends = {name: {**options, 'train_cfg.max_epochs': number} for name, number in epochs.items()}
    for training in [Training(folder / name, settings, *extra) for name, settings in ends.items()]:
        training.wait(report.end - time.monotonic())
    Training(folder / 'resumed', ends['unbroken'], '--resume', *extra).wait(report.end - time.monotonic())
    unbroken, resumed = (read_checkpoint(folder / name / 'epoch_2.pth')['state_dict'] for name in ends)
    unequal = [name for name, value in unbroken.items() if not torch.equal(value, resumed[name])]
    if unequal:
        worst = max(float((unbroken[name].double() - resumed[name].double()).abs().max()) for name in unequal)
        raise ArithmeticError(f'{len(unequal)} of {len(unbroken)} weights differ, by {worst:.2g} at most')
    return {'weights that differ': 0}


def write_random_pairs(folder: Path) -> None:
    """Noise as a data set: ``labels.csv`` and images of 64 px, half of them with a bright spot."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    with open(folder / 'labels.csv', 'w', newline='', encoding='utf-8') as file:
        table = csv.writer(file)
        table.writerow(['input_path', 'golden_path', 'label', 'object_name'])
        for number in range(RESUME_ROWS):
            golden = rng.integers(0, 200, (64, 64), dtype=np.uint8)
            compare = golden.copy()
            compare[20:30, 20:30] += np.uint8(55 * (number % 2))
            for side, image in (('compare', compare), ('golden', golden)):
                (folder / side).mkdir(exist_ok=True)
                cv2.imwrite(str(folder / side / f'c{number}.png'), image)
            table.writerow(['compare', 'golden', 'spot' if number % 2 else 'PASS', f'c{number}'])


def epoch(report: Report, args: argparse.Namespace) -> None:
    """An epoch on DeepPCB on the device, and on the CPU for comparison."""
    for name, extra in {'fp32': [], 'mixed precision': ['--amp'], 'fp32 on the CPU': []}.items():
        report.attempt('Training', f'ResNet-18, one epoch of DeepPCB, {name}', functools.partial(
            epoch_figures, args, args.out_dir / 'epoch' / name.replace(' ', '_'), extra, report))


def epoch_figures(args: argparse.Namespace, folder: Path, extra: list[str], report: Report) -> Figures:
    """AUROC of the validation, and how fast the training was."""
    if args.deeppcb is None:
        raise CannotTry('give --deeppcb, the folder that docs/deeppcb.md makes')
    workers = min(8, len(os.sched_getaffinity(0)))  # the same for all: draws depend on it
    options: dict[str, Any] = {'train_cfg.max_epochs': 1, 'param_scheduler.1.end': 1}
    for loader in ('train_dataloader', 'val_dataloader'):
        options.update({
            f'{loader}.dataset.data_root': args.deeppcb / 'train', f'{loader}.num_workers': workers})
    training = Training(folder, options, *extra, on_cpu=folder.name.endswith('CPU'))
    training.wait(report.end - time.monotonic())
    lines = training.logged()
    steps = [line['time'] for line in lines if 'loss' in line]
    auroc = next(line['auroc'] for line in reversed(lines) if 'auroc' in line)
    pairs = Config.fromfile(ROOT / 'configs' / TRAINING).train_dataloader.batch_size
    return {'AUROC': f'{auroc:.4f}', 'pairs/s': pairs / statistics.median(steps)}


PARTS: dict[str, Callable[[Report, argparse.Namespace], None]] = dict(
    parity=parity, resume=resume, epoch=epoch, step=training_step, inference=inference, engines=engines,
    compile=compiled)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out-dir', type=Path, default=Path('work_dirs', REPORT),
                        help='for check_gpu.json, check_gpu.md and runs (default: work_dirs/check_gpu)')
    parser.add_argument('--deeppcb', type=Path, metavar='DIR',
                        help='folder with train/train.csv and train/val.csv, see docs/deeppcb.md; '
                        'without it no epoch is trained')
    parser.add_argument('--parts', nargs='+', default=list(PARTS), choices=list(PARTS), metavar='PART',
                        help=f'of {", ".join(PARTS)}, in this order; default: all')
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[8, 16, 32, 64], metavar='PAIRS')
    parser.add_argument('--minutes', type=float, default=5, help='after which no case is begun (default: 5)')
    parser.add_argument('--small', action='store_true', help='tiny networks and batches')
    args = parser.parse_args()
    args.batch_sizes.sort()
    if args.small:
        args.batch_sizes = [2, 4]
    return args


def main() -> int:
    """Run the parts; 1 when a case failed, 2 when nothing could be begun."""
    args = parse_args()
    args.out_dir = args.out_dir.absolute()
    init_default_scope('mmchangenet')
    MMLogger.get_instance(REPORT).setLevel('WARNING')  # no list of the weights that init_weights changes
    try:
        if args.deeppcb is not None:
            args.deeppcb = args.deeppcb.absolute()
            if missing := [str(file) for split in ('train', 'val')
                           if not (file := args.deeppcb / 'train' / f'{split}.csv').is_file()]:
                raise FileNotFoundError(f'--deeppcb: there is no {" and no ".join(missing)}')
        report = Report(args.out_dir, 60 * args.minutes, args.small)
    except OSError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    for part in args.parts:
        PARTS[part](report, args)
    failed = sum(case.status == 'failed' for case in report.cases)
    print(f'{len(report.cases)} cases, {failed} failed: {report.files["md"]}')
    return int(failed > 0)


if __name__ == '__main__':
    sys.exit(main())
