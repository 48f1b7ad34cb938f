"""GPUs and processes of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .spec import Spec, SpecError

MOST = 64  # processes of one computer
NODE_VARIABLES = ('NODE_RANK', 'MASTER_ADDR', 'MASTER_PORT')


@dataclass(frozen=True)
class Devices:
    """Where a run happens.

    Attributes:
        ids: GPUs of this node, or places of processes on the CPU.
        nodes: how many nodes.
        on_cpu: whether there is no GPU.
    """

    ids: tuple[int, ...]
    nodes: int
    on_cpu: bool

    @property
    def processes(self) -> int:
        """Processes on all nodes."""
        return len(self.ids) * self.nodes


def devices_of(spec: Spec, action: str) -> Devices:
    """What a spec asks for; says so when it has to be the CPU.

    Args:
        spec: the spec.
        action: ``train``, ``evaluate`` or ``inference``.

    Raises:
        SpecError: when there are fewer GPUs, or a GPU is named twice.
    """
    count, ids = _asked(spec, action, 'num_gpus'), tuple(_asked(spec, action, 'gpu_ids'))
    if len(set(ids)) < len(ids):
        raise SpecError(f'{action}.gpu_ids: {list(ids)} names a GPU twice')
    if max(count, len(ids)) > MOST:
        raise SpecError(f'{action}.num_gpus and gpu_ids ask for {max(count, len(ids))} processes of one '
                        'computer: '
                        f'the most are {MOST}')
    if count > len(ids):
        ids = tuple(range(count))
    if count != len(ids) and f'{action}.num_gpus' in spec:
        spec.note(f'{action}.num_gpus: {len(ids)} instead of {count}, as {action}.gpu_ids names more')
    nodes = spec['train.num_nodes'] if action == 'train' else 1
    available = torch.cuda.device_count()
    if not available:
        spec.note('no GPU here: ' + ('running on the CPU' if len(ids) == 1 else
            f'running as {len(ids)} '
            'processes on the CPU'))
    elif missing := [number for number in ids if number >= available]:
        raise SpecError(f'{action}.gpu_ids and num_gpus ask for GPU {", ".join(map(str, missing))}, but '
                        f'there are {available}: '
                        f'0 to {available - 1}')
    return Devices(ids, nodes, not available)


def _asked(spec: Spec, action: str, name: str) -> Any:
    """The action's own value, or the root's that stands for all actions."""
    own = f'{action}.{name}'
    if name == 'gpu_ids' and own not in spec and f'{action}.gpu_id' in spec:
        return [spec[f'{action}.gpu_id']]
    return spec[name] if own not in spec and name in spec else spec[own]


def select_devices(devices: Devices, environment: MutableMapping[str, str]) -> None:
    """Let only these GPUs be seen by processes with this environment. Has to come before the first use of
    CUDA.
    """
    if devices.on_cpu:
        return
    seen = [name for name in environment.get('CUDA_VISIBLE_DEVICES', '').split(',') if name]
    environment['CUDA_VISIBLE_DEVICES'] = ','.join(
        seen[number] if seen else str(number) for number in devices.ids)


def run_processes(devices: Devices, action: str, file: str | Path) -> int:
    """Run a config in several processes through torchrun and wait for them.

    Returns:
        Exit code: 0; torchrun's 1 when a process failed; 2 when variables are missing.
    """
    environment = dict(os.environ)
    select_devices(devices, environment)
    command = [sys.executable, '-m', 'torch.distributed.run', f'--nproc_per_node={len(devices.ids)}']
    if devices.nodes > 1:
        missing = [name for name in NODE_VARIABLES if not environment.get(name)]
        if missing:
            print(f'error: train.num_nodes is {devices.nodes}: set {", ".join(missing)} on every node',
                  file=sys.stderr)
            return 2
        rank, address, port = (environment[name] for name in NODE_VARIABLES)
        command += [
            f'--nnodes={devices.nodes}', f'--node_rank={rank}', f'--master_addr={address}',
            f'--master_port={port}'
        ]
    else:
        command.append('--standalone')
    environment.setdefault('OMP_NUM_THREADS', '1')
    return subprocess.run([*command, '-m', 'mmchangenet.tao.run', action,
                           str(file)], env=environment).returncode
