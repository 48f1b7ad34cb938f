"""Where weights lie in checkpoint files of various makers, and other layouts of this project's networks."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch

from .reader import CheckpointError
from .reference_names import adapt_reference

PLACES = ('state_dict', 'model', 'state_dict_ema', 'model_ema', 'teacher')  # in order of preference
WRAPPERS = ('module.', 'model.')  # what parallel wrappers and Lightning's modules put before every name
SHOWN = 10
Weights = OrderedDict[str, torch.Tensor]


def weights_in(checkpoint: Mapping[str, Any]) -> Weights:
    """The weights in a checkpoint, under the names that the network's maker gave them.

    Args:
        checkpoint: what ``read_checkpoint`` gave: weights under one of ``PLACES``, or itself weights by name.

    Returns:
        Without what stands before all names, ``module.`` or ``model.``. When only some names begin with
        ``model.``, the others are those of a Lightning module's losses and figures, and are left out.

    Raises:
        CheckpointError: when there are no weights in it.
    """
    weights: Any = next((part for place in PLACES if _has_tensors(part := checkpoint.get(place))), checkpoint)
    if not _has_tensors(weights):
        raise CheckpointError(
            'no weights in the checkpoint: it has neither tensors by name nor a state_dict of them, '
            f'but {", ".join(map(str, list(checkpoint)[:SHOWN])) or "nothing"}')
    fresh = OrderedDict((str(name), value) for name, value in weights.items())
    if 'pytorch-lightning_version' in checkpoint and any(name.startswith('model.') for name in fresh):
        fresh = OrderedDict((name, value) for name, value in fresh.items() if name.startswith('model.'))
    fresh = OrderedDict((re.sub(r'^module\.', '', name), value) for name, value in fresh.items())
    for prefix in (*WRAPPERS, *WRAPPERS):
        if all(name.startswith(prefix) for name in fresh):
            fresh = OrderedDict((name[len(prefix):], value) for name, value in fresh.items())
    if hasattr(weights, '_metadata'):
        fresh._metadata = weights._metadata  # type: ignore[attr-defined]
    return fresh


def adapted(weights: Weights) -> Weights:
    """Weights by our names, whatever known layout they come in; what is not known keeps its name."""
    ours = adapt_reference(weights)
    return weights if ours is None else ours


def backbone_weights_in(checkpoint: dict[str, Any]) -> Weights:
    """The weights of a backbone in a checkpoint of a backbone or of a whole network.

    Args:
        checkpoint: what ``read_checkpoint`` gave.

    Returns:
        Without ``backbone.``.

    Raises:
        CheckpointError: when there are no weights in it.
    """
    weights = weights_in(checkpoint)
    if not any(name.startswith('backbone.') for name in weights):
        weights = OrderedDict((f'backbone.{name}', value) for name, value in weights.items())
    return OrderedDict((name.removeprefix('backbone.'), value) for name, value in adapted(weights).items()
                       if name.startswith('backbone.'))


def _has_tensors(weights: object) -> bool:
    return isinstance(weights, dict) and any(isinstance(value, torch.Tensor) for value in weights.values())
