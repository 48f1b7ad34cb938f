"""Names of C-RADIO's and DINOv3's weights: the reference's and the hubs', and ours.

As in :mod:`.reference_names` both layouts of the reference hold the same numbers, so that a conversion there
and back gives the same bytes. The reference puts the transformer deeper, by the backbone it is part of.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

from .reader import CheckpointError

Weights = OrderedDict[str, Tensor]
Rule = tuple[str, str]

TABLE_SIDE, PATCH_SIZE = 128, 16
# Inside the transformer, reference and ours.
TOKENS = ('patch_generator.cls_token.token', 'class_tokens')
TABLE = ('patch_generator.pos_embed', 'pos_embed')
PATCHES = ('patch_generator.embedder.weight', 'patch_embed.proj.weight')
INSIDE = (TOKENS, TABLE, PATCHES, ('blocks.*', 'blocks.*'))
# What stands before them: the first that fits a name counts, the first of a pair is written.
RADIO_LEARNABLE = ('backbone.radio.radio.radio.model.', 'backbone.radio.model.')  # since 6.25.9, until 6.25.7
RADIO_EUCLIDEAN = ('backbone.radio.radio.model.', )
DINOV3_LEARNABLE, DINOV3_EUCLIDEAN = 'backbone.vit.', 'backbone.inner.'
OURS = 'backbone.vit.'


def transformer_rules(learnable: bool, radio: bool) -> tuple[Rule, ...]:
    """Pairs of the reference's and our names of a transformer's weights; ``*`` is the rest of a name.

    Args:
        learnable: whether the network is that of the learnable difference, with an adapter.
        radio: whether it is C-RADIO; otherwise DINOv3.
    """
    if not radio:
        return ((f'{DINOV3_LEARNABLE if learnable else DINOV3_EUCLIDEAN}*', f'{OURS}*'), )
    return tuple((theirs + inside, OURS + ours)
                 for theirs in (RADIO_LEARNABLE if learnable else RADIO_EUCLIDEAN) for inside, ours in INSIDE)


def is_radio(names: Mapping[str, object]) -> bool:
    """Whether these are weights of a network on C-RADIO, in either layout."""
    return any(name.endswith(TOKENS) for name in names)


def is_dinov3(names: Mapping[str, object]) -> bool:
    """Whether these are weights of a network on DINOv3, in either layout."""
    return any(name in (f'{prefix}reg_token' for prefix in (DINOV3_LEARNABLE, DINOV3_EUCLIDEAN))
               for name in names)


def radio_weights(weights: Mapping[str, Tensor]) -> Weights:
    """The transformer in a file of C-RADIO v2, by our names, whatever stands before them.

    Known are the hub's and NVIDIA's layout, the reference's and ours. Tables and patches of another size are
    resized bicubically, corners aligned. What is not the transformer's, such as teachers' heads and the
    input's mean and std, is left out.

    Raises:
        CheckpointError: when there is no such transformer, or several.
    """
    tokens = [(name, layout) for name in weights for layout, ending in enumerate(TOKENS)
              if name == ending or name.endswith(f'.{ending}')]
    if len(tokens) != 1:
        raise CheckpointError(
            f'the file holds {len(tokens)} transformers of C-RADIO ({" or ".join(TOKENS)}); expected the '
            f'weights of C-RADIO v2 in the hub\'s layout, NVIDIA\'s or that of the toolkit')
    (name, layout), = tokens
    prefix = name.removesuffix(TOKENS[layout])
    renamed: Weights = OrderedDict()
    for theirs, tensor in weights.items():
        if theirs.startswith(prefix):
            inside = theirs.removeprefix(prefix)
            ours = next((pair[1] for pair in (TOKENS, TABLE, PATCHES) if inside == pair[0]), inside)
            renamed[ours.replace('.grandma', '.gamma')] = tensor
    if TABLE[1] in renamed:
        renamed[TABLE[1]] = _resized_table(renamed[TABLE[1]])
    if PATCHES[1] in renamed:
        renamed[PATCHES[1]] = _resized_patches(renamed[PATCHES[1]])
    return renamed


def dinov3_weights(weights: Mapping[str, Tensor]) -> Weights:
    """The transformer in a file of DINOv3, by timm's names, whatever stands before them.

    Raises:
        CheckpointError: when there is no such transformer, or it is in the layout of DINOv3's authors.
    """
    prefixes = [name.removesuffix('reg_token') for name in weights if name.split('.')[-1] == 'reg_token']
    if len(prefixes) != 1:
        authors = any(
            name.split('.')[-1] in ('storage_tokens', 'register_tokens', 'mask_token') for name in weights)
        raise CheckpointError(
            'the file has the layout of DINOv3\'s authors or of another project: take the weights '
            'that timm publishes on the hub (timm/vit_*_patch16_dinov3.lvd1689m)' if authors else
            f'the file holds {len(prefixes)} transformers of DINOv3 (reg_token); expected the weights of '
            f'one, in timm\'s layout')
    prefix, = prefixes
    return OrderedDict(
        (name.removeprefix(prefix), tensor) for name, tensor in weights.items() if name.startswith(prefix))


def patches_as_ours(kernels: Tensor) -> Tensor:
    """(D, 3·p·p), flattened channel, row, column → (D, 3, p, p)."""
    return kernels if kernels.dim() == 4 else kernels.unflatten(1, (3, math.isqrt(kernels.shape[1] // 3), -1))


def patches_as_reference(kernels: Tensor) -> Tensor:
    """(D, 3, p, p) → (D, 3·p·p)."""
    return kernels.flatten(1)


def _resized_patches(kernels: Tensor) -> Tensor:
    return _resized(patches_as_ours(kernels), PATCH_SIZE)


def _resized_table(table: Tensor) -> Tensor:
    """(1, n·n, D) → (1, 128·128, D)."""
    side = math.isqrt(table.shape[1])
    if side == TABLE_SIDE:
        return table
    if side * side != table.shape[1]:
        raise CheckpointError(
            f'the file has a position table of {table.shape[1]} entries, which is no square grid')
    return _resized(table.transpose(1, 2).unflatten(-1, (side, side)), TABLE_SIDE).flatten(2).transpose(1, 2)


def _resized(maps: Tensor, side: int) -> Tensor:
    if maps.shape[-2:] == (side, side):
        return maps
    return F.interpolate(maps.float(), (side, side), mode='bicubic', align_corners=True)
