"""Running the config of a spec, alone or as one of several processes: ``python -m mmchangenet.tao.run ACTION CONFIG``."""

import os
import sys

from mmengine.config import Config

from mmchangenet.apis.launch import UNSCORED_EXIT, prepare_test, prepare_train, run_tool, unscored_rows

from .devices import select_devices


def run(action, file, devices=None, launcher='pytorch'):
    """Train or test as a config file says.

    Args:
        action (str): ``train``, ``evaluate`` or ``inference``.
        file (str | Path): the config.
        devices (Devices, optional): of this process; None for one of several that a launcher started.
        launcher (str): which.

    Returns:
        int: exit code, see ``run_tool``; 1 when rows got no score.
    """
    if devices is not None:
        launcher = 'none'
        select_devices(devices, os.environ)
    if action == 'train':
        return run_tool(lambda: prepare_train(file, launcher=launcher), _train)
    return run_tool(lambda: prepare_test(file, Config.fromfile(file).get('load_from'), launcher=launcher), _test)


def _train(runner):
    runner.train()


def _test(runner):
    runner.test()
    unscored = unscored_rows(runner)
    if unscored:
        print(f'error: {len(unscored)} rows have no score', file=sys.stderr, flush=True)
    return UNSCORED_EXIT if unscored else 0


if __name__ == '__main__':
    sys.exit(run(*sys.argv[1:]))
