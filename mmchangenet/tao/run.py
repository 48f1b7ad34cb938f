"""Running the config of a spec, alone or as one of several processes: ``python -m mmchangenet.tao.run ACTION
CONFIG``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from mmengine.config import Config

from mmchangenet.apis.launch import prepare_test, prepare_train, run_test, run_tool
from mmchangenet.engine.plain_config import read_plain

from . import hooks, tensorrt_classifier  # noqa: F401, they register themselves
from .devices import Devices, select_devices
from .status import failure_written, write_start, write_success

RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')  # variables of launchers


def run(action: str, config: Config, devices: Devices | None = None, launcher: str = 'pytorch') -> int:
    """Train or test as a config says.

    Args:
        action: ``train``, ``evaluate`` or ``inference``.
        config: the config.
        devices: of this process; None for one of several that a launcher started.
        launcher: which.

    Returns:
        Exit code, see ``run_tool``; 1 when rows got no score.
    """
    if devices is not None:
        launcher = 'none'
        select_devices(devices, os.environ)
    is_first = launcher == 'none' or os.environ.get(RANKS[launcher], '0') == '0'
    if is_first:
        write_start(config.work_dir, action)

    def prepare() -> Any:
        if action == 'train':
            return prepare_train(config, launcher=launcher)
        return prepare_test(config, config.get('load_from'), launcher=launcher)

    def work(runner: Any) -> int:
        code = _train(runner) if action == 'train' else run_test(runner)
        if is_first:
            write_success(config.work_dir, action)
        return code

    return run_tool(_told(prepare, config.work_dir, is_first), _told(work, config.work_dir, is_first))


def _told(function: Callable[..., Any], folder: str, is_first: bool) -> Callable[..., Any]:
    """The function; the first process writes why it fails."""

    def call(*arguments: Any) -> Any:
        with failure_written(folder) if is_first else nullcontext():
            return function(*arguments)

    return call


def _train(runner: Any) -> int:
    runner.train()
    return 0


if __name__ == '__main__':
    sys.exit(run(sys.argv[1], read_plain(sys.argv[2])))
