"""The command ``visual_changenet``: a spec becomes a config, and that is run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmchangenet.files import write_text

from .releases import RELEASES, release_of

NAMED = ('-e', '--experiment_spec', '--experiment_spec_file')
SUMMARIES = dict(
    train='train a network',
    evaluate='figures of a checkpoint on the test data',
    inference='scores of the infer data with a checkpoint',
    export='a checkpoint as an ONNX file',
    gen_trt_engine='a TensorRT engine of the ONNX file',
    quantize='a checkpoint in int8 for the runtime, and what that costs',
    default_specs='a commented spec to begin with')
DESCRIPTIONS = dict(
    train='''Trains a network as a spec says, on dataset.classify.train_dataset and validation_dataset.
Leaves in train.results_dir: model_epoch_*.pth, changenet_model_classify_latest.pth, the best one,
experiment.yaml, status.json. A training goes on from the latest checkpoint when that is there.''',
    evaluate='''Evaluates evaluate.checkpoint on dataset.classify.test_dataset.
Leaves in evaluate.results_dir: figures.json, gallery/ of wrong calls, pictures/, experiment.yaml,
status.json.''',
    inference='''Scores dataset.classify.infer_dataset with inference.checkpoint.
Leaves in inference.results_dir: inference.csv, pictures/, experiment.yaml, status.json.''',
    export=
    '''Writes export.checkpoint as ONNX to export.onnx_file; encrypted with encryption_key when its name
ends in .etlt.''',
    gen_trt_engine=
    '''Builds gen_trt_engine.trt_engine of gen_trt_engine.onnx_file. Needs TensorRT and a GPU; without
them it says what to run on a computer that has both.''',
    quantize=
    '''Writes quantize.model_path in int8 as a folder for mmchangenet.runtime into quantize.results_dir,
calibrated on dataset.classify.train_dataset, and prints the figures on test_dataset before and after.''',
    default_specs=
    '''Writes experiment.yaml into results_dir (by default here): every parameter that has an effect, with
its default and what it does; ??? has to be filled in.''')
OVERRIDES = '''Behind or before -e, values in the place of the spec's:
  key=value      such as task=classify results_dir=out train.num_epochs=20
  ~key           takes a value of the spec away; +key=value and ++key=value are key=value
  dataset.classify.input_map={SolderLight:0}    these lightings and no others
Every parameter: docs/visual_changenet_specs.md'''


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; overrides may stand on both sides of ``-e``."""
    parser = argparse.ArgumentParser(
        prog='visual_changenet', formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Runs Visual ChangeNet classification specs.',
        epilog='visual_changenet ACTION -h tells more. Example:\n  visual_changenet train -e spec.yaml '
               'results_dir=out')
    actions = parser.add_subparsers(dest='action', metavar='ACTION', required=True, title='actions')
    for action, description in DESCRIPTIONS.items():
        sub = actions.add_parser(
            action, description=description, help=SUMMARIES[action], epilog=OVERRIDES,
            usage=f'visual_changenet {action} {"" if action == "default_specs" else "-e SPEC "}[key=value '
                  '...] [options]',
            formatter_class=argparse.RawDescriptionHelpFormatter)
        if action != 'default_specs':
            sub.add_argument(*NAMED, dest='spec', required=True, metavar='SPEC', help='YAML file')
            sub.add_argument('--release', metavar='R', help='use the defaults of this release of the '
                                                            'toolkit: '
                             f'{", ".join(RELEASES)}; without it they are of 6.25, or of 7.x where the spec '
                             'names what '
                             'only that has')
            sub.add_argument('--explain', action='store_true', help='tell why each value without effect has '
                                                                    'none')
            sub.add_argument('--partial', action='store_true', help='take what fits of '
                                                                    'train.pretrained_model_path '
                             'even when its backbone is another')
        if action in ('train', 'evaluate', 'inference'):
            sub.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                             help='what started this process as one of several; without it the command '
                                  'starts as '
                             'many as the spec asks for')
        old = sub.add_argument_group('as older launchers have them')
        old.add_argument('-r', '--results_dir', metavar='DIR', help='results_dir=DIR')
        if action != 'default_specs':
            old.add_argument('-k', '--key', metavar='KEY', help='encryption_key=KEY')
            old.add_argument('-g', '--gpus', '--num_gpus', metavar='N', help=f'{action}.num_gpus=N')
            old.add_argument('--gpu_ids', metavar='0,1', help=f'{action}.gpu_ids=[0,1]')
        sub.add_argument('overrides', nargs='*', metavar='key=value', help='see below')
    args, more = parser.parse_known_args(arguments)
    if options := [item for item in more if item.startswith('-')]:
        parser.error(f'there is no option {" ".join(options)}; see visual_changenet {args.action} -h')
    args.overrides = [*_of_launcher(args), *args.overrides, *more]
    return args


def _of_launcher(args: argparse.Namespace) -> list[str]:
    """The options of older launchers as overrides."""
    action = args.action
    named = [('results_dir', args.results_dir)]
    if action != 'default_specs':
        named.append(('encryption_key', args.key and repr(args.key)))
        if action in ('train', 'evaluate', 'inference'):
            named += [(f'{action}.num_gpus', args.gpus),
                      (f'{action}.gpu_ids', args.gpu_ids and f'[{args.gpu_ids}]')]
    return [f'{key}={value}' for key, value in named if value is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line.

    Returns:
        Exit code: 1 when rows got no score, 2 when spec, data or checkpoint are to be mended.
    """
    args = parse_args(arguments)
    from mmchangenet.apis.launch import MISTAKES, fail_or_raise
    try:
        if args.action == 'default_specs':
            return _write_default_spec(args.overrides)
        return _carry_out(args)
    except MISTAKES as error:
        return fail_or_raise(error)


def _write_default_spec(overrides: Sequence[str]) -> int:
    from .experiment import EXPERIMENT, default_spec
    from .spec_file import SpecError, read_overrides
    values = read_overrides(list(overrides))[0]
    if set(values) - {'results_dir', 'task'}:
        raise SpecError('default_specs takes results_dir=DIR and nothing else: change the file that it '
                        'writes')
    file = Path(str(values.get('results_dir') or '.'), EXPERIMENT)
    if file.exists():
        raise FileExistsError(f'{file} exists: remove it or choose another results_dir')
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(default_spec(file), file)
    print(f'{file} is written: fill in what is ???')
    return 0


def _carry_out(args: argparse.Namespace) -> int:
    from .config import build_config, results_dir
    from .devices import devices_of, run_processes
    from .engine_builder import build_engine_of
    from .experiment import write_experiment
    from .export import export
    from .label_check import check_labels
    from .quantize import quantize
    from .run import run
    from .spec import read_spec
    from .status import failure_written, write_start, write_success
    spec = read_spec(args.spec, args.overrides, release_of(args.release) if args.release else None)
    spec.partial = args.partial
    action, engine = args.action, args.action == 'gen_trt_engine'
    config = None if engine else build_config(spec, action)
    runs = action in ('train', 'evaluate', 'inference')
    devices = devices_of(spec, action) if runs else None
    if action == 'evaluate':
        check_labels(spec)
    for line in spec.report(args.explain):
        print(line)
    folder = results_dir(spec, action)
    if config is None or devices is None:
        write_start(folder, action)
        with failure_written(folder):
            write_experiment(spec, folder)
            if config is None:
                build_engine_of(spec)
            elif action == 'export':
                export(spec, config)
            else:
                quantize(config)
        write_success(folder, action)
        return 0
    write_experiment(spec, folder)
    file = Path(folder, f'visual_changenet_{action}.json')
    write_text(config.json_text, file)
    print(f'the config of this run is {file}', flush=True)
    if args.launcher != 'none':
        return run(action, config, launcher=args.launcher)
    if devices.processes > 1:
        return run_processes(devices, action, file)
    return run(action, config, devices)


if __name__ == '__main__':
    sys.exit(main())
