"""The command ``visual_changenet``: a spec becomes a config file in its results folder, and that is run."""

import argparse
import sys
from pathlib import Path

from mmchangenet.apis.launch import MISTAKES, fail_or_raise
from mmchangenet.files import write_text

from .config import build_config
from .devices import devices_of, run_processes
from .parameters import ACTIONS
from .run import run
from .spec import read_spec

DESCRIPTIONS = dict(
    train='Train a network as a spec says. Leaves model_epoch_*.pth and changenet_model_classify_latest.pth in '
          'train.results_dir and resumes from the latter when it is there.',
    evaluate='Evaluate evaluate.checkpoint on dataset.classify.test_dataset. Leaves figures.json, a gallery of wrong calls and '
             'pictures in evaluate.results_dir.',
    inference='Score dataset.classify.infer_dataset with inference.checkpoint. Leaves inference.csv and pictures in '
              'inference.results_dir.',
    export='Write export.checkpoint as ONNX to export.onnx_file, encrypted with encryption_key when its name ends in .etlt.')


def parse_args(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog='visual_changenet', description='Runs Visual ChangeNet classification specs.')
    actions = parser.add_subparsers(dest='action', metavar='{' + ','.join(ACTIONS) + '}', required=True)
    for action, description in DESCRIPTIONS.items():
        sub = actions.add_parser(action, description=description, help=description.partition('.')[0])
        sub.add_argument('-e', '--experiment_spec', '--experiment_spec_file', dest='spec', required=True, metavar='SPEC',
                         help='YAML file')
        if action != 'export':
            sub.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                             help='what started this process as one of several; without it the command starts as many '
                                  'as the spec asks for')
        sub.add_argument('overrides', nargs='*', metavar='key=value',
                         help=f'in the place of values of the spec, such as task=classify {action}.results_dir=DIR')
    return parser.parse_args(arguments)


def main(arguments=None):
    """Carry out a command line.

    Returns:
        int: exit code: 1 when rows got no score, 2 when spec, data or checkpoint are to be mended.
    """
    args = parse_args(arguments)
    try:
        spec = read_spec(args.spec, args.overrides)
        config = build_config(spec, args.action)
        if args.action == 'export':
            from .export import export
            export(spec, config)
            return 0
        devices = devices_of(spec, args.action)
        file = Path(config.work_dir, f'visual_changenet_{args.action}.py')
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(config.pretty_text, file)
    except MISTAKES as error:
        return fail_or_raise(error)
    for note in spec.notes:
        print(note)
    print(f'the config of this run is {file}', flush=True)
    if args.launcher != 'none':
        return run(args.action, file, launcher=args.launcher)
    if devices.processes > 1:
        return run_processes(devices, args.action, file)
    return run(args.action, file, devices)


if __name__ == '__main__':
    sys.exit(main())
