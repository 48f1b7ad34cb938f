"""Weights of a checkpoint into a network: strictly for scoring and resuming, what fits for a start."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import nn

from mmchangenet.verdict import ThresholdError, checked_threshold

from .finite import check_finite
from .layouts import SHOWN, adapted, weights_in
from .reader import CheckpointError, read_checkpoint
from .trained_config import model_differences

Weights = Mapping[str, Any]


class _Incompatible(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


def state_dict_of(checkpoint: Mapping[str, Any]) -> OrderedDict[str, Any]:
    """The weights in a checkpoint, under the names that this project's networks use.

    Every loading of weights passes here. The reference's layout is adapted, see ``reference_names``.

    Args:
        checkpoint: what ``read_checkpoint`` gave: with ``state_dict``, or itself weights by name.

    Returns:
        tensors by name, without the ``module.`` that parallel wrappers put before names.

    Raises:
        CheckpointError: when there are no weights in it.
    """
    return adapted(weights_in(checkpoint))


def load_weights(model: nn.Module, weights: Weights, source: str, meta: Mapping[str, Any] | None = None,
                 config: Mapping[str, Any] | None = None) -> None:
    """Load weights that have to fit exactly.

    Args:
        model: the network.
        weights: what ``state_dict_of`` gave.
        source: the file, for messages.
        meta: the checkpoint's ``meta``, which tells what it was trained as.
        config: the config that ``model`` was built from.

    Raises:
        CheckpointError: names each missing, unexpected and misshapen weight (ten of a kind, the rest counted)
            and where the config that the file was trained with differs; or each weight that is not finite.
    """
    _check_weights(model, weights, source)
    missing, unexpected, misshapen = _load(model, weights)
    problems = (_listing('missing in the file', missing) + _listing('unknown to the network', unexpected) +
                _listing('of another shape', misshapen))
    if problems:
        raise CheckpointError('\n  '.join([
            f'{source} does not fit the network of this config:', *problems,
            *_likely_config(meta or {}, config or {})
        ]))


def load_fitting_weights(model: nn.Module, weights: Weights,
                         source: str) -> tuple[list[str], list[str], list[str]]:
    """Load what fits, to train on from, and log what was not used and what the file does not hold.

    Args:
        model: the network.
        weights: what ``state_dict_of`` gave.
        source: the file, for messages.

    Returns:
        weights that the file does not hold, that the network does not know,
        and that are of another shape (as sentences).

    Raises:
        CheckpointError: when nothing fits, or a weight that does is not finite.
    """
    _check_weights(model, weights, source)
    missing, unexpected, misshapen = _load(model, weights)
    wanted = len(model.state_dict())
    loaded = wanted - len(missing) - len(misshapen)
    notes = (_listing('not used, unknown to the network', unexpected) +
             _listing('not used, of another shape', misshapen) +
             _listing('left as initialised, missing in the file', missing))
    if loaded <= 0 or len(unexpected) + len(misshapen) >= len(weights):
        raise CheckpointError('\n  '.join([f'nothing in {source} fits the network of this config:', *notes]))
    message = '\n  '.join([f'{loaded} of {wanted} weights loaded from {source}', *notes])
    print_log(message, 'current', logging.WARNING if notes else logging.INFO)
    return missing, unexpected, misshapen


def load_for_scoring(model: nn.Module, path: str | Path, config: Mapping[str, Any] | None = None,
                     map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Read a checkpoint and load it strictly, class names and threshold included: for tests, inference and
    export.

    Args:
        model: the network, on any device.
        path: the checkpoint.
        config: the config that ``model`` was built from, for the message when it does not fit.
        map_location: where the checkpoint's tensors go while reading.

    Returns:
        the checkpoint.

    Raises:
        FileNotFoundError: when there is no such file.
        CheckpointError: when it is not a whole checkpoint or does not fit.
    """
    checkpoint = read_checkpoint(path, map_location)
    meta = meta_of(checkpoint)
    load_weights(model, state_dict_of(checkpoint), str(path), meta, config)
    adopt_class_names(model, meta, str(path))
    adopt_threshold(model, meta, str(path))
    return checkpoint


def meta_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's ``meta``; empty when there is none."""
    meta = checkpoint.get('meta')
    return meta if isinstance(meta, dict) else {}


def class_names_of(meta: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The class list stored with a checkpoint, PASS first, or None."""
    dataset_meta = meta.get('dataset_meta')
    names = dataset_meta.get('classes') if isinstance(dataset_meta, dict) else None
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else None


def wants_class_names(head: Any) -> bool:
    """Whether a head tells more than two classes and so goes by a list of names."""
    return bool(getattr(head, 'num_classes', 2) > 2) and hasattr(head, 'set_class_names')


def adopt_class_names(model: nn.Module, meta: Mapping[str, Any], source: str) -> None:
    """Give the class list that a checkpoint was trained with to a head that goes by one.

    Raises:
        CheckpointError: when the config gave the head another list.
    """
    head: Any = getattr(model, 'head', None)
    names = class_names_of(meta)
    if names is None or not wants_class_names(head):
        return
    if head.class_names is not None and tuple(head.class_names) != names:
        raise CheckpointError(f'{source} was trained with the classes {", ".join(names)}, but the config '
                              'says '
                              f'{", ".join(head.class_names)}. Leave model.head.class_names out to take the '
                              'checkpoint\'s.')
    try:
        head.set_class_names(names)
    except ValueError as error:
        raise CheckpointError(f'{source}: {error}') from error


def compare_class_names(model: nn.Module, meta: Mapping[str, Any], source: str) -> None:
    """Say when a training starts from weights of other classes."""
    head: Any = getattr(model, 'head', None)
    names = class_names_of(meta)
    if wants_class_names(head) and names and head.class_names and names != tuple(head.class_names):
        print_log(f'{source} was trained with the classes {", ".join(names)}; here they are '
                  f'{", ".join(head.class_names)}: its '
                  'last layer starts from other classes\' weights', 'current', logging.WARNING)


def adopt_threshold(model: nn.Module, meta: Mapping[str, Any], source: str) -> None:
    """Use the threshold that was picked for a checkpoint, if any, as the head's margin.

    Raises:
        CheckpointError: when it is no finite number.
    """
    head: Any = getattr(model, 'head', None)
    threshold = meta.get('threshold')
    if threshold is None or not hasattr(head, 'margin'):
        return
    try:
        value = checked_threshold(threshold.get('value') if isinstance(threshold, dict) else threshold,
                                  f'{source}, meta.threshold')
    except ThresholdError as error:
        raise CheckpointError(str(error)) from error
    if value != head.margin:
        print_log(f'margin {value} from the threshold stored in {source} (the config says {head.margin})',
                  'current')
    head.margin = value


def _check_weights(model: nn.Module, weights: Weights, source: str) -> None:
    """Refuse weights that are not finite, where the network has a place for them. A mask of it may be
    infinite.
    """
    places = model.state_dict()
    taken = {name: value for name, value in weights.items()
             if isinstance(value, torch.Tensor) and isinstance(places.get(name), torch.Tensor) and
             value.shape == places[name].shape and not bool(torch.isinf(places[name]).any())}
    check_finite(taken, source)


def _load(model: nn.Module, weights: Weights) -> tuple[list[str], list[str], list[str]]:
    """As ``nn.Module.load_state_dict`` without being strict, but shapes that differ are returned and not
    raised.

    Modules that adapt weights while loading (hooks, ``_load_from_state_dict``) do so here, too.
    """
    missing: list[str] = []
    unexpected: list[str] = []
    misshapen: list[str] = []
    metadata = getattr(weights, '_metadata', {})
    tensors = OrderedDict((name, value) for name, value in weights.items() if isinstance(value, torch.Tensor))

    def load(module: Any, part: dict[str, torch.Tensor], prefix: str = '') -> None:
        module = module.module if is_model_wrapper(module) else module
        module._load_from_state_dict(part, prefix, metadata.get(prefix[:-1], {}), True, missing, unexpected,
                                     misshapen)
        for name, child in module._modules.items():
            if child is not None:
                start = f'{prefix}{name}.'
                load(child, {key: value for key, value in part.items() if key.startswith(start)}, start)
        for hook in module._load_state_dict_post_hooks.values():
            hook(module, _Incompatible(missing, unexpected))

    with torch.no_grad():
        load(model, tensors)
    unexpected += [name for name in weights if name not in tensors]
    return missing, unexpected, [_brief(message) for message in misshapen]


def _brief(message: str) -> str:
    """torch's sentence on two shapes, shorter; any other as it is."""
    match = re.fullmatch(r'size mismatch for (\S+): copying a param with shape (.+) from checkpoint, the '
                         r'shape in current '
                         r'model is (.+)\.', message.strip())
    if not match:
        return message.strip()
    there, here = (shape.removeprefix('torch.Size(').removesuffix(')') for shape in match.groups()[1:])
    return f'{match[1]} {there} in the file, {here} in the network'


def _listing(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = f', and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return [f'{title} ({len(items)}): {", ".join(items[:SHOWN])}{more}']


def _likely_config(meta: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """What the checkpoint tells of the config that it was trained with."""
    text, name = meta.get('cfg'), meta.get('experiment_name')
    lines = []
    if isinstance(name, str):
        lines.append(f'It was trained as {name}: use the config '
                     f'{re.sub(r"_[0-9]{8}_[0-9]{6}(_[0-9]+)?$", "", name)}.')
    if isinstance(text, str) and (differences := model_differences(text, config)):
        lines += ['Where that config differs from this one:', *(f'  {line}' for line in differences[:SHOWN])]
        if len(differences) > SHOWN:
            lines.append(f'  and {len(differences) - SHOWN} more')
    return lines
