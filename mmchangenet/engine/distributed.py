"""Several processes without a GPU."""

import os
import subprocess
from datetime import timedelta

import torch

DEFAULT_PORT = '29500'


def init_cpu_processes(launcher, timeout=None, port=None):
    """Join the processes of a launcher through gloo, which MMEngine's ``init_dist`` cannot do without a GPU.

    Args:
        launcher (str): ``pytorch``, ``slurm`` or ``mpi``.
        timeout (int, optional): seconds that processes wait for each other.
        port (int, optional): of the first process, for slurm and mpi; $MASTER_PORT or 29500 when None.

    Raises:
        ValueError: for another launcher, or when the launcher's environment variables are not there.
    """
    environ = os.environ
    try:
        if launcher == 'slurm':
            _set_environment(environ['SLURM_PROCID'], environ['SLURM_NTASKS'], environ.get('SLURM_LOCALID', '0'), port)
            if 'MASTER_ADDR' not in environ:
                environ['MASTER_ADDR'] = subprocess.check_output(
                    ['scontrol', 'show', 'hostname', environ['SLURM_NODELIST']], text=True).split()[0]
        elif launcher == 'mpi':
            _set_environment(*(environ[f'OMPI_COMM_WORLD_{name}'] for name in ('RANK', 'SIZE', 'LOCAL_RANK')), port)
        elif launcher != 'pytorch':
            raise ValueError(f'launcher {launcher!r}: it is none, pytorch, slurm or mpi')
        rank, world_size, _ = environ['RANK'], environ['WORLD_SIZE'], environ['MASTER_ADDR']
    except KeyError as error:
        starter = {'pytorch': 'torchrun', 'slurm': 'srun', 'mpi': 'mpirun'}[launcher]
        raise ValueError(
            f'launcher {launcher!r}, but the environment variable {error} is not set: start it with {starter}') from error
    torch.distributed.init_process_group(
        'gloo', rank=int(rank), world_size=int(world_size), timeout=None if timeout is None else timedelta(seconds=timeout))


def _set_environment(rank, world_size, local_rank, port):
    os.environ.update(RANK=rank, WORLD_SIZE=world_size, LOCAL_RANK=local_rank)
    if port is not None:
        os.environ['MASTER_PORT'] = str(port)
    os.environ.setdefault('MASTER_PORT', DEFAULT_PORT)
