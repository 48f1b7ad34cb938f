"""Several processes: without a GPU, and other ones than before."""

from __future__ import annotations

import logging
import os
import subprocess
from datetime import timedelta
from logging import Logger
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

DEFAULT_PORT = '29500'


def init_cpu_processes(launcher: str, timeout: int | None = None, port: int | None = None) -> None:
    """Join the processes of a launcher through gloo, which MMEngine's ``init_dist`` cannot do without a GPU.

    Args:
        launcher: ``pytorch``, ``slurm`` or ``mpi``.
        timeout: seconds that processes wait for each other.
        port: of the first process, for slurm and mpi; $MASTER_PORT or 29500 when None.

    Raises:
        ValueError: for another launcher, or when the launcher's environment variables are not there.
    """
    environ = os.environ
    try:
        if launcher == 'slurm':
            _set_environment(environ['SLURM_PROCID'], environ['SLURM_NTASKS'],
                             environ.get('SLURM_LOCALID', '0'), port)
            if 'MASTER_ADDR' not in environ:
                environ['MASTER_ADDR'] = subprocess.check_output(
                    ['scontrol', 'show', 'hostname', environ['SLURM_NODELIST']], text=True).split()[0]
        elif launcher == 'mpi':
            names = ('RANK', 'SIZE', 'LOCAL_RANK')
            rank, size, local = (environ[f'OMPI_COMM_WORLD_{name}'] for name in names)
            _set_environment(rank, size, local, port)
        elif launcher != 'pytorch':
            raise ValueError(f'launcher {launcher!r}: it is none, pytorch, slurm or mpi')
        rank, world_size, _ = environ['RANK'], environ['WORLD_SIZE'], environ['MASTER_ADDR']
    except KeyError as error:
        starter = {'pytorch': 'torchrun', 'slurm': 'srun', 'mpi': 'mpirun'}[launcher]
        raise ValueError(
            f'launcher {launcher!r}, but the environment variable {error} is not set: start it with '
            f'{starter}') from error
    torch.distributed.init_process_group('gloo', rank=int(rank), world_size=int(world_size),
                                         timeout=None if timeout is None else timedelta(seconds=timeout))


def _set_environment(rank: str, world_size: str, local_rank: str, port: int | None) -> None:
    os.environ.update(RANK=rank, WORLD_SIZE=world_size, LOCAL_RANK=local_rank)
    if port is not None:
        os.environ['MASTER_PORT'] = str(port)
    os.environ.setdefault('MASTER_PORT', DEFAULT_PORT)


def tell_changed_processes(meta: dict[str, Any], world_size: int, batch_size: int, file: str) -> None:
    """Warn of what is different when a training goes on with another number of processes.

    Args:
        meta: of the checkpoint; ``world_size`` is how many wrote it, unknown in older ones.
        world_size: processes now.
        batch_size: rows of each in a step.
        file: the checkpoint, for the message.
    """
    before = meta.get('world_size', world_size)
    if before == world_size:
        return
    print_log(
        f'{file} is of {before} processes, now there are {world_size}. Rows are drawn as they would have '
        f'been, but a step takes {world_size} × {batch_size} rows, so unless train_dataloader.batch_size was '
        'changed to match, steps, learning rate and schedules by iteration do not fit those before. To keep '
        f'them, set it so that {world_size} × batch_size is what {before} × batch_size was. Batch norm and '
        'dropout '
        'see other batches either way: figures will not be those of an unbroken run.', 'current',
        logging.WARNING)


def wrap_for_cpu(model: nn.Module, wrapper: dict[str, Any] | None, config: dict[str, Any],
                 logger: Logger) -> nn.Module:
    """The network in MMEngine's wrapper for several processes, without device ids and without SyncBatchNorm.

    Args:
        model: the network.
        wrapper: the config's ``model_wrapper_cfg``.
        config: the whole config, for ``sync_bn`` and ``find_unused_parameters``.
        logger: told of what torch has for GPUs only.
    """
    if config.get('sync_bn') or any(isinstance(module, nn.SyncBatchNorm) for module in model.modules()):
        logger.warning('SyncBatchNorm needs GPUs: each process normalises by its own batch, and the running '
                       'statistics are '
                       'averaged')
    settings = dict(type='MMDistributedDataParallel', broadcast_buffers=False,
                    find_unused_parameters=config.get('find_unused_parameters', False))
    settings.update(wrapper or {})
    return MODEL_WRAPPERS.build(settings, default_args=dict(module=revert_sync_batchnorm(model)))
