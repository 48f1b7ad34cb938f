"""Weights of the reference's networks in this project's layout, and back; what weights say of their network.

The names stand in ``mmchangenet.checkpoint.reference_names``; here is what takes building networks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmchangenet.checkpoint.radio_names import is_dinov3, is_radio
from mmchangenet.checkpoint.reference_names import (
    is_vit,
    our_names,
    reference_names,
    strip_prefix,
    to_our_shape,
    to_reference_shape,
)
from mmchangenet.models import FAN, ChangeClsHead, EuclideanDifference, LearnableDifference

from .vit_checkpoint import build_vit, infer_timm, infer_vit

Structure = dict[str, Any]


class LayoutError(ValueError):
    """A checkpoint that does not hold exactly the tensors of a network; lists what is unknown, missing or
    misshapen.
    """


def convert_state_dict(reference: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Weights of the reference's network → weights of ``SiameseClassifier``.

    Args:
        reference: the reference's layout, with or without the prefix ``model.`` or ``module.``.

    Returns:
        Our layout; the tensors share memory with the given ones.

    Raises:
        LayoutError: when a key is unknown, missing or of another shape; lists all of them by the reference's
            names.
    """
    reference = strip_prefix(reference)
    names = our_names(reference)
    ours = OrderedDict(
        (name, to_our_shape(name, reference[key])) for key, name in names.items() if name is not None)
    _check(ours, [key for key, name in names.items() if name is None], 'the reference checkpoint',
           reference_names)
    return ours


def revert_state_dict(ours: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    """The inverse of ``convert_state_dict``: our layout → the reference's, without a prefix.

    Raises:
        LayoutError: as ``convert_state_dict``, by our names.
    """
    names = reference_names(ours)
    known = OrderedDict((key, tensor) for key, tensor in ours.items() if names[key] is not None)
    _check(known, [key for key, name in names.items() if name is None], 'the checkpoint',
           lambda keys: {key: key for key in keys})
    return OrderedDict((names[key] or key, to_reference_shape(key, tensor, names[key] or ''))
                       for key, tensor in known.items())


def expected_layout(ours: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Every weight of the network, or of the bare FAN backbone, that weights in our layout are of.

    Args:
        ours: names of a bare backbone begin with ``backbone.``, too.

    Returns:
        Name → shape.

    Raises:
        LayoutError: when the weights do not tell.
    """
    if any(name.startswith(('neck.', 'head.')) for name in ours):
        return _layout(infer_structure(ours))
    try:
        structure = _infer_fan(ours)
    except (KeyError, TypeError) as error:
        raise LayoutError(
            f'this is neither a whole Visual ChangeNet network nor a FAN backbone ({error}). For another '
            'backbone name the config that it is for.') from error
    with torch.device('meta'):
        backbone, _ = _build_fan(structure)
    return {f'backbone.{name}': tensor.shape for name, tensor in backbone.state_dict().items()}


def infer_structure(ours: Mapping[str, Tensor]) -> Structure:
    """What a state dict in our layout says of its network.

    Returns:
        ``backbone``, its type, and ``arch``, for a vision transformer also ``img_size``; ``difference``,
        ``euclidean`` or ``learnable``, and with it ``features`` (length of the flattened map that is embedded
        or classified), ``embedding_vectors`` or ``embed_dim``, ``num_modules``, ``embed_dec``,
        ``num_classes``.

    Raises:
        LayoutError: when the tensors that tell are not there.
    """
    try:
        backbone = _infer_backbone(ours)
        if 'neck.embed.0.weight' in ours:
            hidden_dim, features = ours['neck.embed.0.weight'].shape
            return dict(**backbone, difference='euclidean', features=features, hidden_dim=hidden_dim,
                        embedding_vectors=len(ours['neck.embed.6.weight']))
        embed_dim, fused = ours['neck.fuse.weight'].shape[:2]
        embed_dec, features = ours['head.layers.0.weight'].shape
        return dict(**backbone, difference='learnable', features=features, embed_dim=embed_dim,
                    num_modules=fused // embed_dim, embed_dec=embed_dec,
                    num_classes=len(ours['head.layers.6.weight']))
    except KeyError as error:
        raise LayoutError(
            f'this is not a whole Visual ChangeNet network: {error} tells its size and is missing or '
            'unknown.') from error


def _infer_backbone(ours: Mapping[str, Tensor]) -> Structure:
    if is_radio(ours) or is_dinov3(ours):
        return infer_timm(ours)
    return infer_vit(ours) if is_vit(ours) else _infer_fan(ours)


def _infer_fan(ours: Mapping[str, Tensor]) -> Structure:
    width = len(ours['backbone.patch_embed.weight'])
    return dict(backbone='FAN',
                arch={variant['width']: name
                      for name, variant in FAN.variants.items()}[width])


def _build_fan(structure: Structure) -> tuple[nn.Module, list[int]]:
    """The backbone and the channels of its levels."""
    backbone = FAN(structure['arch'])
    width: Any = backbone.variants[structure['arch']]['width']
    return backbone, [*backbone.stem.widths, width, width]


def _check(ours: Mapping[str, Tensor], unknown: list[str], what: str,
           names_of: Callable[[Mapping[str, Any]], Mapping[str, str | None]]) -> None:
    """Compare with the network that the tensors themselves describe."""
    expected = _layout(infer_structure(ours))
    name = names_of({**expected, **ours})
    missing = [str(name[key]) for key in expected if key not in ours]
    unknown = unknown + [str(name[key]) for key in ours if key not in expected]
    misshapen = [f'{name[key]}: {tuple(tensor.shape)} instead of {tuple(expected[key])}'
                 for key, tensor in ours.items() if key in expected and tensor.shape != expected[key]]
    problems = [
        f'{len(keys)} {title}:\n    ' + '\n    '.join(keys)
        for title, keys in (('unknown', unknown), ('missing', missing), ('misshapen', misshapen)) if keys
    ]
    if problems:
        raise LayoutError(f'{what} does not hold exactly the tensors of its network.\n  ' +
                          '\n  '.join(problems))


def _layout(structure: Structure) -> dict[str, torch.Size]:
    """Every key of the network and its shape, in our layout."""
    with torch.device('meta'):
        backbone, channels = (_build_fan if structure['backbone'] == 'FAN' else build_vit)(structure)
        parts: dict[str, nn.Module] = dict(backbone=backbone)
        if structure['difference'] == 'euclidean':
            parts['neck'] = EuclideanDifference([(structure['features'], )], structure['embedding_vectors'],
                                                structure['hidden_dim'])
        else:
            embed_dim: int = structure['embed_dim']
            places = (1, structure['features'] // embed_dim)
            neck = LearnableDifference([(count, *places) for count in channels], embed_dim,
                                       structure['num_modules'])
            parts.update(neck=neck,
                         head=ChangeClsHead(neck.out_shape, structure['embed_dec'], structure['num_classes']))
    return {f'{part}.{key}': tensor.shape for part, module in parts.items()
            for key, tensor in module.state_dict().items()}
