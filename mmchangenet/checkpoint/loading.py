"""Weights of a checkpoint into a network: strictly for scoring and resuming, what fits for a start."""

import logging
import re
from collections import OrderedDict, namedtuple

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from .layouts import SHOWN, adapted, weights_in
from .reader import CheckpointError, read_checkpoint
from .trained_config import model_differences

_Incompatible = namedtuple('_Incompatible', ['missing_keys', 'unexpected_keys'])


def state_dict_of(checkpoint):
    """The weights in a checkpoint, under the names that this project's networks use.

    Every loading of weights passes here. The reference's layout is adapted, see ``reference_names``.

    Args:
        checkpoint (dict): what ``read_checkpoint`` gave: with ``state_dict``, or itself weights by name.

    Returns:
        OrderedDict[str, torch.Tensor]: without the ``module.`` that parallel wrappers put before names.

    Raises:
        CheckpointError: when there are no weights in it.
    """
    return adapted(weights_in(checkpoint))


def load_weights(model, weights, source, meta=None, config=None):
    """Load weights that have to fit exactly.

    Args:
        model (nn.Module): the network.
        weights (dict[str, torch.Tensor]): what ``state_dict_of`` gave.
        source (str): the file, for messages.
        meta (dict, optional): the checkpoint's ``meta``, which tells what it was trained as.
        config (dict, optional): the config that ``model`` was built from.

    Raises:
        CheckpointError: names each missing, unexpected and misshapen weight (ten of a kind, the rest counted) and
            where the config that the file was trained with differs.
    """
    missing, unexpected, misshapen = _load(model, weights)
    problems = (_listing('missing in the file', missing) + _listing('unknown to the network', unexpected) +
                _listing('of another shape', misshapen))
    if problems:
        raise CheckpointError('\n  '.join(
            [f'{source} does not fit the network of this config:', *problems, *_likely_config(meta or {}, config or {})]))


def load_fitting_weights(model, weights, source):
    """Load what fits, to train on from, and log what was not used and what the file does not hold.

    Args:
        model (nn.Module): the network.
        weights (dict[str, torch.Tensor]): what ``state_dict_of`` gave.
        source (str): the file, for messages.

    Returns:
        tuple[list[str], list[str], list[str]]: weights that the file does not hold, that the network does not know,
        and that are of another shape (as sentences).

    Raises:
        CheckpointError: when nothing fits.
    """
    missing, unexpected, misshapen = _load(model, weights)
    wanted = len(model.state_dict())
    loaded = wanted - len(missing) - len(misshapen)
    notes = (_listing('not used, unknown to the network', unexpected) + _listing('not used, of another shape', misshapen) +
             _listing('left as initialised, missing in the file', missing))
    if loaded <= 0 or len(unexpected) + len(misshapen) >= len(weights):
        raise CheckpointError('\n  '.join([f'nothing in {source} fits the network of this config:', *notes]))
    message = '\n  '.join([f'{loaded} of {wanted} weights loaded from {source}', *notes])
    print_log(message, 'current', logging.WARNING if notes else logging.INFO)
    return missing, unexpected, misshapen


def load_for_scoring(model, path, config=None, map_location='cpu'):
    """Read a checkpoint and load it strictly, class names and threshold included: for tests, inference and export.

    Args:
        model (nn.Module): the network, on any device.
        path (str | Path): the checkpoint.
        config (dict, optional): the config that ``model`` was built from, for the message when it does not fit.
        map_location (str | torch.device): where the checkpoint's tensors go while reading.

    Returns:
        dict: the checkpoint.

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


def meta_of(checkpoint):
    """A checkpoint's ``meta``; empty when there is none."""
    meta = checkpoint.get('meta')
    return meta if isinstance(meta, dict) else {}


def class_names_of(meta):
    """The class list stored with a checkpoint, PASS first, or None."""
    dataset_meta = meta.get('dataset_meta')
    names = dataset_meta.get('classes') if isinstance(dataset_meta, dict) else None
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else None


def wants_class_names(head):
    """Whether a head tells more than two classes and so goes by a list of names."""
    return getattr(head, 'num_classes', 2) > 2 and hasattr(head, 'set_class_names')


def adopt_class_names(model, meta, source):
    """Give the class list that a checkpoint was trained with to a head that goes by one.

    Raises:
        CheckpointError: when the config gave the head another list.
    """
    head, names = getattr(model, 'head', None), class_names_of(meta)
    if names is None or not wants_class_names(head):
        return
    if head.class_names is not None and tuple(head.class_names) != names:
        raise CheckpointError(f'{source} was trained with the classes {", ".join(names)}, but the config says '
                              f'{", ".join(head.class_names)}. Leave model.head.class_names out to take the checkpoint\'s.')
    try:
        head.set_class_names(names)
    except ValueError as error:
        raise CheckpointError(f'{source}: {error}') from error


def adopt_threshold(model, meta, source):
    """Use the threshold that was picked for a checkpoint, if any, as the head's margin."""
    head, threshold = getattr(model, 'head', None), meta.get('threshold')
    value = threshold.get('value') if isinstance(threshold, dict) else None
    if value is None or not hasattr(head, 'margin'):
        return
    if float(value) != head.margin:
        print_log(f'margin {float(value)} from the threshold stored in {source} (the config says {head.margin})', 'current')
    head.margin = float(value)


def _load(model, weights):
    """As ``nn.Module.load_state_dict`` without being strict, but shapes that differ are returned and not raised.

    Modules that adapt weights while loading (hooks, ``_load_from_state_dict``) do so here, too.
    """
    missing, unexpected, misshapen = [], [], []
    metadata = getattr(weights, '_metadata', {})
    tensors = OrderedDict((name, value) for name, value in weights.items() if isinstance(value, torch.Tensor))

    def load(module, part, prefix=''):
        module = module.module if is_model_wrapper(module) else module
        module._load_from_state_dict(part, prefix, metadata.get(prefix[:-1], {}), True, missing, unexpected, misshapen)
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


def _brief(message):
    """torch's sentence on two shapes, shorter; any other as it is."""
    match = re.fullmatch(r'size mismatch for (\S+): copying a param with shape (.+) from checkpoint, the shape in current '
                         r'model is (.+)\.', message.strip())
    if not match:
        return message.strip()
    there, here = (shape.removeprefix('torch.Size(').removesuffix(')') for shape in match.groups()[1:])
    return f'{match[1]} {there} in the file, {here} in the network'


def _listing(title, items):
    if not items:
        return []
    more = f', and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return [f'{title} ({len(items)}): {", ".join(items[:SHOWN])}{more}']


def _likely_config(meta, config):
    """What the checkpoint tells of the config that it was trained with."""
    text, name = meta.get('cfg'), meta.get('experiment_name')
    lines = []
    if isinstance(name, str):
        lines.append(f'It was trained as {name}: use the config {re.sub(r"_[0-9]{8}_[0-9]{6}(_[0-9]+)?$", "", name)}.')
    if isinstance(text, str) and (differences := model_differences(text, config)):
        lines += ['Where that config differs from this one:', *(f'  {line}' for line in differences[:SHOWN])]
        if len(differences) > SHOWN:
            lines.append(f'  and {len(differences) - SHOWN} more')
    return lines
