"""Weights of public DINOv2 checkpoints, adapted to a transformer's patches and position table."""

from __future__ import annotations

import logging
import math
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from mmchangenet.checkpoint import CheckpointError, read_checkpoint, state_dict_of

# Names of DINOv2's authors → timm's. Their blocks may be grouped into chunks for distribution.
RENAMED = ((r'^blocks\.\d+\.(\d+)\.', r'blocks.\1.'), (r'\.mlp\.w12\.', '.mlp.fc1.'),
           (r'\.mlp\.w3\.', '.mlp.fc2.'))
TIMMS_REGISTERS, REGISTERS = 'reg_token', 'register_tokens'
NAMED = 5  # weights in a message


def read_dinov2_weights(file: str) -> Mapping[str, Tensor]:
    """The weights of a ``.pth`` or ``.safetensors`` file by their names; no code in it is run.

    Raises:
        CheckpointError: when it cannot be read.
    """
    if Path(file).suffix != '.safetensors':
        return state_dict_of(read_checkpoint(file))
    try:
        return load_file(file)
    except SafetensorError as error:
        raise CheckpointError(f'{file} is no whole safetensors file: {error}') from error


def adapt_dinov2_weights(weights: Mapping[str, Tensor], trunk: Any, source: str) -> OrderedDict[str, Tensor]:
    """Public weights as a transformer's state dict.

    Layouts of timm and of DINOv2's authors are known, with anything in front of the names (``backbone.``,
    ``teacher.``). Patch kernels and the patch part of the position table are resized bicubically, corners not
    aligned, without antialiasing, where the sizes differ; the class token's position is kept.

    Args:
        weights: by the checkpoint's names.
        trunk: what they are for.
        source: the file, for messages.

    Returns:
        all weights of the transformer, and of ``trunk`` whatever else the
        file holds.

    Raises:
        CheckpointError: when weights are missing or do not fit.
    """
    weights, expected = _rename(weights, source), trunk.state_dict()
    _check_registers(weights, trunk, source)
    missing = [name for name in trunk.trunk_keys() if name not in weights]
    if missing:
        raise CheckpointError(
            f'{source} lacks {len(missing)} weights of the transformer, such as {_some(missing)}. Is it a '
            'DINOv2 of another arch?')
    weights['patch_embed.proj.weight'] = resize_patch_kernels(weights['patch_embed.proj.weight'],
                                                              trunk.patch_size)
    weights['pos_embed'] = resize_position_table(weights['pos_embed'], trunk.grid_size, source)
    used = OrderedDict((name, tensor) for name, tensor in weights.items() if name in expected)
    misshapen = [
        f'{name} {tuple(tensor.shape)} instead of {tuple(expected[name].shape)}'
        for name, tensor in used.items() if tensor.shape != expected[name].shape
    ]
    if misshapen:
        raise CheckpointError(
            f'{source} holds {len(misshapen)} weights of another shape, such as {_some(misshapen)}. Choose '
            'the arch that it was trained as.')
    if unused := [name for name in weights if name not in expected]:
        print_log(f'{source}: not used are {", ".join(unused)}', logger='current', level=logging.INFO)
    return used


def resize_patch_kernels(kernels: Tensor, patch_size: int) -> Tensor:
    """(C, 3, p, p) → (C, 3, patch_size, patch_size), bicubic."""
    size = (patch_size, patch_size)
    return kernels if kernels.shape[-2:] == size else F.interpolate(kernels.float(), size, mode='bicubic')


def resize_position_table(table: Tensor, grid_size: Sequence[int], source: str = 'the checkpoint') -> Tensor:
    """(1, 1 + n·n, C) → (1, 1 + h·w, C) for a grid (h, w), bicubic; the class token's entry is kept.

    A table whose length fits a square grid is taken for one, as all public ones are; another is used as it is
    where it has the wanted length.

    Raises:
        CheckpointError: when the table is neither of a square grid with a class token nor of the wanted
            length.
    """
    count = table.shape[1] - 1
    side = math.isqrt(count)
    if (side, side) == tuple(grid_size):
        return table
    if side * side != count:
        if count == math.prod(grid_size):
            return table
        raise CheckpointError(
            f'{source} has a position table of {count + 1} entries, which is no square grid and a class token'
        )
    patches = table[:, 1:].float().transpose(1, 2).unflatten(-1, (side, side))
    patches = F.interpolate(patches, tuple(grid_size), mode='bicubic').flatten(2).transpose(1, 2)
    return torch.cat([table[:, :1].float(), patches], dim=1)


def _rename(weights: Mapping[str, Tensor], source: str) -> OrderedDict[str, Tensor]:
    """By timm's names; what stands in front of all of the transformer's names is taken off."""
    prefixes = {name.removesuffix('pos_embed') for name in weights if name.split('.')[-1] == 'pos_embed'}
    if len(prefixes) != 1:
        raise CheckpointError(
            f'{source} holds {len(prefixes)} position tables (pos_embed); expected the weights of one DINOv2')
    prefix, = prefixes
    renamed = OrderedDict()
    for name, tensor in weights.items():
        if name.startswith(prefix):
            name = name.removeprefix(prefix)
            for pattern, replacement in RENAMED:
                name = re.sub(pattern, replacement, name)
            renamed[name] = tensor
    if TIMMS_REGISTERS in renamed:  # its class token then holds its own position
        renamed[REGISTERS] = renamed.pop(TIMMS_REGISTERS)
        renamed['pos_embed'] = F.pad(renamed['pos_embed'], (0, 0, 1, 0))
    return renamed


def _check_registers(weights: Mapping[str, Tensor], trunk: Any, source: str) -> None:
    count = weights[REGISTERS].shape[1] if REGISTERS in weights else 0
    wanted = trunk.num_prefix - 1
    if count != wanted:
        raise CheckpointError(
            f'{source} is a DINOv2 with {count} register tokens, the backbone has {wanted}: set '
            f'model.backbone.num_registers={count}')


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:NAMED])
