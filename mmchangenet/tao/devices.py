"""GPUs and processes of a run."""

import os
import subprocess
import sys
from dataclasses import dataclass

import torch

from .spec import SpecError

NODE_VARIABLES = ('NODE_RANK', 'MASTER_ADDR', 'MASTER_PORT')


@dataclass(frozen=True)
class Devices:
    """Where a run happens.

    Attributes:
        ids (tuple[int]): GPUs of this node, or places of processes on the CPU.
        nodes (int): how many nodes.
        on_cpu (bool): whether there is no GPU.
    """

    ids: tuple
    nodes: int
    on_cpu: bool

    @property
    def processes(self):
        """Processes on all nodes."""
        return len(self.ids) * self.nodes


def devices_of(spec, action):
    """What a spec asks for; says so when it has to be the CPU.

    Args:
        spec (Spec): the spec.
        action (str): ``train``, ``evaluate`` or ``inference``.

    Raises:
        SpecError: when there are fewer GPUs, or a GPU is named twice.
    """
    count, ids = spec[f'{action}.num_gpus'], tuple(spec[f'{action}.gpu_ids'])
    if len(set(ids)) < len(ids):
        raise SpecError(f'{action}.gpu_ids: {list(ids)} names a GPU twice')
    if count > len(ids):
        ids = tuple(range(count))
    if count != len(ids) and f'{action}.num_gpus' in spec:
        spec.note(f'{action}.num_gpus: {len(ids)} instead of {count}, as {action}.gpu_ids names more')
    nodes = spec['train.num_nodes'] if action == 'train' else 1
    available = torch.cuda.device_count()
    if not available:
        spec.note('no GPU here: ' + ('running on the CPU' if len(ids) == 1 else f'running as {len(ids)} processes on the CPU'))
    elif missing := [number for number in ids if number >= available]:
        raise SpecError(f'{action}.gpu_ids and num_gpus ask for GPU {", ".join(map(str, missing))}, but there are {available}: '
                        f'0 to {available - 1}')
    return Devices(ids, nodes, not available)


def select_devices(devices, environment):
    """Let only these GPUs be seen by processes with this environment. Has to come before the first use of CUDA."""
    if devices.on_cpu:
        return
    seen = [name for name in environment.get('CUDA_VISIBLE_DEVICES', '').split(',') if name]
    environment['CUDA_VISIBLE_DEVICES'] = ','.join(seen[number] if seen else str(number) for number in devices.ids)


def run_processes(devices, action, file):
    """Run a config in several processes through torchrun and wait for them.

    Returns:
        int: exit code: 0, or what the first process that failed gave (2 when torchrun cannot tell).
    """
    environment = dict(os.environ)
    select_devices(devices, environment)
    command = [sys.executable, '-m', 'torch.distributed.run', f'--nproc_per_node={len(devices.ids)}']
    if devices.nodes > 1:
        missing = [name for name in NODE_VARIABLES if not environment.get(name)]
        if missing:
            print(f'error: train.num_nodes is {devices.nodes}: set {", ".join(missing)} on every node', file=sys.stderr)
            return 2
        rank, address, port = (environment[name] for name in NODE_VARIABLES)
        command += [f'--nnodes={devices.nodes}', f'--node_rank={rank}', f'--master_addr={address}', f'--master_port={port}']
    else:
        command.append('--standalone')
    environment.setdefault('OMP_NUM_THREADS', '1')
    return subprocess.run([*command, '-m', 'mmchangenet.tao.run', action, str(file)], env=environment).returncode
