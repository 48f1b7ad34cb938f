"""Checkpoint files of the toolkit become ours, and back, with a listing of what was used, dropped and
missing.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor

from mmchangenet.checkpoint import (
    backbone_weights_in,
    read_checkpoint,
    state_dict_of,
    weights_in,
    write_checkpoint,
)
from mmchangenet.checkpoint.reference_names import adapt_reference, our_names
from mmchangenet.models.backbones.dinov2_weights import RENAMED
from mmchangenet.registry import MODELS
from mmchangenet.version import __version__

from .checkpoint import LayoutError, expected_layout, revert_state_dict

WHOLE = ('neck.', 'head.')  # what a bare backbone does not have, by our names
PREFIX = 'model.'  # of Lightning's modules


@dataclass
class Listing:
    """What became of a checkpoint's tensors.

    Attributes:
        target: the file written.
        used, dropped: names in the source.
        missing: weights of the network that the source does not hold, by our names.
    """

    target: str
    used: list[str]
    dropped: list[str]
    missing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f'{self.target} is written.']
        for title, names in (('used', self.used), ('dropped', self.dropped), ('missing', self.missing)):
            lines += [f'{title} ({len(names)}){":" * bool(names)}', *(f'  {name}' for name in names)]
        return '\n'.join(lines)


def to_mmchangenet(source: str | Path, target: str | Path, config: str | Path | None = None) -> Listing:
    """Convert a checkpoint of the toolkit, or a backbone of any origin, to ours.

    Args:
        source: a whole network (Lightning's file or bare weights) or a backbone; ``.safetensors`` too.
        target: where to; must not exist.
        config: a config whose ``model.backbone`` the source's backbone is for; position tables and
            patch kernels are resized for it. Without it, a backbone has to be a FAN.

    Returns:
        What was used, dropped and is missing.

    Raises:
        FileExistsError: when the target exists.
        LayoutError: when the source is neither a network nor a backbone that is known, when tensors are of
            another shape, or when tensors of a whole network are missing.
        CheckpointError: when it is not a whole checkpoint.
    """
    _refuse_existing(target)
    checkpoint = read_checkpoint(source)
    weights = weights_in(checkpoint)
    if config is not None:
        return _to_backbone_of(config, weights, source, target)
    if not any(name.startswith('backbone.') for name in weights):
        weights = OrderedDict((f'backbone.{name}', value) for name, value in weights.items())
    names = {name or key: key for key, name in our_names(weights).items()}
    ours = adapt_reference(weights)
    if ours is None:
        raise LayoutError(f'{source} is not in the toolkit\'s layout. For a backbone of another origin name '
                          'the config that it '
                          'is for.')
    expected = expected_layout(ours)
    kept = OrderedDict((name, value) for name, value in ours.items() if name in expected)
    missing = [name for name in expected if name not in kept]
    misshapen = [
        f'{names[name]}: {tuple(value.shape)} instead of {tuple(expected[name])}'
        for name, value in kept.items()
        if value.shape != expected[name]
    ]
    whole = any(name.startswith(WHOLE) for name in expected)
    if misshapen or whole and missing:
        raise LayoutError('\n  '.join([
            f'{source} does not hold the tensors of its network.', *(f'missing: {name}' for name in missing),
            *(f'misshapen: {line}' for line in misshapen)
        ]))
    _write(kept, source, target)
    return Listing(str(target), [names[name] for name in kept],
                   [names[name] for name in ours if name not in kept] + _left_out(checkpoint, weights),
                   missing)


def to_reference(source: str | Path, target: str | Path, backbone: bool = False) -> Listing:
    """Convert a checkpoint of ours to the toolkit's layout.

    Args:
        source: a whole network that the toolkit has, of any kind that ``to_mmchangenet`` gives.
        target: where to; must not exist.
        backbone: write the bare backbone, as ``pretrained_backbone_path`` takes it, and not the whole network
            with ``model.`` before the names.

    Returns:
        What was used and dropped, by our names.

    Raises:
        FileExistsError: when the target exists.
        LayoutError: when the toolkit has no such network.
        CheckpointError: when it is not a whole checkpoint.
    """
    _refuse_existing(target)
    ours = state_dict_of(read_checkpoint(source))
    expected = expected_layout(ours)
    kept = OrderedDict((name, value) for name, value in ours.items() if name in expected)
    reference = revert_state_dict(kept)
    used = list(kept)
    if backbone:
        reference = OrderedDict((name.removeprefix('backbone.'), value) for name, value in reference.items()
                                if name.startswith('backbone.'))
        used = [name for name in kept if name.startswith('backbone.')]
    else:
        reference = OrderedDict((PREFIX + name, value) for name, value in reference.items())
    write_checkpoint(dict(state_dict=reference, epoch=0, global_step=0), target)
    return Listing(str(target), used, [name for name in ours if name not in used])


def _to_backbone_of(config: str | Path, weights: OrderedDict[str, Tensor], source: str | Path,
                    target: str | Path) -> Listing:
    """Let the config's backbone load the file itself; it knows how to resize what it has to."""
    settings = dict(Config.fromfile(config).model.backbone,
                    init_cfg=dict(type='Pretrained', checkpoint=str(source)))
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        backbone = MODELS.build(settings)
        backbone.init_weights()
    built = backbone.state_dict()
    ours = {name: _of_dinov2(name) for name in backbone_weights_in(dict(state_dict=weights))}
    _write(OrderedDict((f'backbone.{name}', value) for name, value in built.items()), source, target)
    return Listing(str(target), [name for name, own in ours.items() if own in built],
                   [name for name, own in ours.items() if own not in built],
                   [f'backbone.{name}' for name in built if name not in ours.values()])


def _of_dinov2(name: str) -> str:
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def _left_out(checkpoint: Mapping[str, Any], weights: Mapping[str, Tensor]) -> list[str]:
    """Names of a Lightning file that are not the network's."""
    everything = checkpoint.get('state_dict')
    if 'pytorch-lightning_version' not in checkpoint or not isinstance(everything, dict):
        return []
    known = {name.removeprefix('backbone.') for name in weights} | set(weights)
    return [
        name for name in everything if str(name).removeprefix('module.').removeprefix(PREFIX) not in known
    ]


def _refuse_existing(target: str | Path) -> None:
    if Path(target).exists():
        raise FileExistsError(f'{target} exists: remove it or choose another name')


def _write(weights: Mapping[str, Tensor], source: str | Path, target: str | Path) -> None:
    meta = dict(converted_from=Path(source).name, mmchangenet_version=__version__)
    write_checkpoint(dict(state_dict=weights, meta=meta), target)
