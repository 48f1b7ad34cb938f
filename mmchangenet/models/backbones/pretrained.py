"""Published weights from files into a transformer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from mmengine.logging import print_log
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mmchangenet.checkpoint import CheckpointError, read_checkpoint, weights_in

NAMED = 5  # weights in a message


def read_weights(file: str) -> Mapping[str, Tensor]:
    """The weights of a ``.pth`` or ``.safetensors`` file by their names; no code in it is run.

    Raises:
        CheckpointError: when it cannot be read.
    """
    if Path(file).suffix != '.safetensors':
        return weights_in(read_checkpoint(file))
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f'{file} is no whole safetensors file: {error}') from error


def load_into(module: nn.Module, weights: Mapping[str, Tensor], file: str) -> None:
    """Load all weights of a module; what else the file holds is logged.

    Raises:
        CheckpointError: when weights are missing or of another shape.
    """
    wanted = module.state_dict()
    missing = [name for name in wanted if name not in weights]
    if missing:
        raise CheckpointError(
            f'{file} lacks {len(missing)} of {len(wanted)} weights of the transformer, such as '
            f'{_some(missing)}. Is it of another kind or arch?')
    unused = [name for name in weights if name not in wanted]
    if other := [name for name in unused if name.startswith('blocks.')]:
        raise CheckpointError(
            f'{file} holds {len(other)} weights of blocks that this transformer lacks, such as '
            f'{_some(other)}. Is it of another version or arch?')
    misshapen = [
        f'{name} {tuple(weights[name].shape)} instead of {tuple(tensor.shape)}'
        for name, tensor in wanted.items() if weights[name].shape != tensor.shape
    ]
    if misshapen:
        raise CheckpointError(
            f'{file} holds {len(misshapen)} weights of another shape, such as {_some(misshapen)}. Choose the '
            f'arch that it was trained as.')
    module.load_state_dict({name: weights[name] for name in wanted})
    if unused:
        print_log(f'{file}: not used are {_some(unused)}{" and others" if len(unused) > NAMED else ""}',
                  logger='current', level=logging.INFO)


def _some(names: list[str]) -> str:
    return ', '.join(names[:NAMED])
