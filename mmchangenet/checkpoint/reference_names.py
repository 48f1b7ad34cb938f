"""Names of the reference's weights and ours, one for one.

Both layouts hold the same numbers under other names (a 1×1 convolution is a linear layer in one of them), so
a conversion there and back gives the same bytes. What a network needs beyond names stands in
``mmchangenet.tao``.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from torch import Tensor

from .radio_names import is_dinov3, is_radio, patches_as_ours, patches_as_reference, transformer_rules

Rules = list[tuple[re.Pattern[str], str]]

# Whole keys, reference and ours; the first rule that fits counts. `#` is a number and `*` the rest of a key,
# carried over.
FAN_RULES = (
    ('backbone.cls_token', 'backbone.cls_token'),
    ('backbone.patch_embed.backbone.stem.0.*', 'backbone.stem.patchify.0.*'),
    ('backbone.patch_embed.backbone.stem.1.*', 'backbone.stem.patchify.1.layer.*'),
    ('backbone.patch_embed.backbone.stages.0.blocks.*', 'backbone.stem.stage1.*'),
    ('backbone.patch_embed.backbone.stages.1.downsample.0.*', 'backbone.stem.downsample.0.layer.*'),
    ('backbone.patch_embed.backbone.stages.1.downsample.1.*', 'backbone.stem.downsample.1.*'),
    ('backbone.patch_embed.backbone.stages.1.blocks.*', 'backbone.stem.stage2.*'),
    ('backbone.patch_embed.proj.*', 'backbone.patch_embed.*'),
    ('backbone.pos_embed.token_projection.*', 'backbone.position.projection.*'),
    ('backbone.blocks.#.attn.*', 'backbone.blocks.#.token_mixing.*'),
    ('backbone.blocks.#.mlp.mlp_v.dwconv.conv1.*', 'backbone.blocks.#.channel_processing.mlp.depthwise.0.*'),
    ('backbone.blocks.#.mlp.mlp_v.dwconv.bn.*', 'backbone.blocks.#.channel_processing.mlp.depthwise.2.*'),
    ('backbone.blocks.#.mlp.mlp_v.dwconv.conv2.*', 'backbone.blocks.#.channel_processing.mlp.depthwise.3.*'),
    ('backbone.blocks.#.mlp.mlp_v.*', 'backbone.blocks.#.channel_processing.mlp.*'),
    ('backbone.blocks.#.mlp.norm_v.*', 'backbone.blocks.#.channel_processing.norm.*'),
    ('backbone.blocks.#.mlp.*', 'backbone.blocks.#.channel_processing.*'),
    ('backbone.blocks.#.*', 'backbone.blocks.#.*'),
    ('backbone.cls_attn_blocks.#.attn.*', 'backbone.cls_blocks.#.attention.*'),
    ('backbone.cls_attn_blocks.#.*', 'backbone.cls_blocks.#.*'),
)
# Of vit_large_nvdinov2: the transformer's names are the same, those of the adapter are not.
VIT_RULES = (
    *((f'backbone.spm.conv{level}.*', f'backbone.spatial_prior.downsample.{level - 2}.*') for level in (2, 3,
      4)),
    *((f'backbone.spm.fc{level}.*', f'backbone.spatial_prior.project.{level - 1}.*') for level in (1, 2, 3,
      4)),
    ('backbone.spm.stem.*', 'backbone.spatial_prior.stem.*'),
    *((f'backbone.interactions.#.{theirs}.{their_part}', f'backbone.interactions.#.{ours}.{our_part}')
      for theirs, ours in (('injector', 'injector'), ('extractor', 'extractors.0'),
                           ('extra_extractors.0', 'extractors.1'), ('extra_extractors.1', 'extractors.2'))
      for their_part, our_part in (('feat_norm.*', 'feature_norm.*'), ('attn.*', 'attention.*'),
                                   ('ls.*', 'scale.*'), ('ffn.dwconv.dwconv.*', 'ffn.depthwise.*'), ('*',
                                    '*'))),
    ('backbone.up.*', 'backbone.upsample.*'),
    ('backbone.fc_summary.*', 'backbone.summary.*'),
    *((f'backbone.conv{number}.*', f'backbone.add_summary.{number - 1}.conv.*') for number in (1, 2, 3, 4)),
    *((f'backbone.norm{number}.*', f'backbone.norms.{number - 1}.*') for number in (1, 2, 3, 4)),
    ('backbone.cls_token', 'backbone.cls_token'),
    ('backbone.pos_embed', 'backbone.pos_embed'),
    ('backbone.level_embed', 'backbone.level_embed'),
    ('backbone.patch_embed.proj.*', 'backbone.patch_embed.proj.*'),
    ('backbone.blocks.#.*', 'backbone.blocks.#.*'),
    ('backbone.norm.*', 'backbone.norm.*'),
)
PART_RULES = (
    ('fc1.*', 'neck.embed.*'),
    *((f'decoder.linear_c{level}.proj.*', f'neck.project.{level - 1}.*') for level in (1, 2, 3, 4)),
    *((f'decoder.diff_c{level}.*', f'neck.difference.{level - 1}.*') for level in (1, 2, 3, 4)),
    ('decoder.linear_fuse.0.*', 'neck.fuse.*'),
    ('decoder.linear_fuse.1.*', 'neck.fuse_norm.*'),
    ('decoder.classifier.*', 'head.layers.*'),
)
# Our keys whose weight is a matrix here and a 1×1 convolution there, and the other way round.
LINEAR_HERE = re.compile(r'backbone\.stem\.stage[12]\.\d+\.mlp\.fc[12]\.weight')
RADIO_PATCHES = 'backbone.vit.patch_embed.proj.weight'
LINEAR_THERE = re.compile(r'neck\.project\.\d\.weight')


def is_vit(weights: Mapping[str, object]) -> bool:
    """Whether these are weights of a network on DINOv2, in either layout."""
    return 'backbone.pos_embed' in weights


def is_reference_layout(weights: Mapping[str, Tensor]) -> bool:
    """Whether the keys are those of the reference's networks."""
    return any(
        key.startswith(('backbone.patch_embed.backbone.', 'backbone.spm.', 'backbone.radio.',
                        'backbone.inner.', 'decoder.', 'fc1.')) for key in strip_prefix(weights))


def strip_prefix(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Without ``model.`` and ``module.`` in front of every key."""
    for prefix in ('model.', 'module.', 'model.'):
        if weights and all(key.startswith(prefix) for key in weights):
            weights = OrderedDict((key[len(prefix):], tensor) for key, tensor in weights.items())
    return weights


def our_names(weights: Mapping[str, Tensor]) -> dict[str, str | None]:
    """The reference's names of weights → ours, or None where a name is unknown."""
    rules = _compile(_rules(weights))
    return {key: _rename(key, rules) for key in weights}


def reference_names(weights: Iterable[str]) -> dict[str, str | None]:
    """Our names of weights → the reference's, or None where it has no such weight."""
    weights = dict.fromkeys(weights)
    rules = _compile(_reversed(_rules(weights)))
    return {key: _rename(key, rules) for key in weights}


def adapt_reference(weights: Mapping[str, Tensor]) -> OrderedDict[str, Tensor] | None:
    """Names of the reference's networks → ours, as far as they are known, so that its files load like ours.

    Args:
        weights: a whole network's or, with ``backbone.`` before the names, a backbone's.

    Returns:
        What is unknown keeps its name; None for another layout.
    """
    if not is_reference_layout(weights):
        return None
    return OrderedDict((name or key, to_our_shape(name or key, weights[key]))
                       for key, name in our_names(weights).items())


def to_our_shape(our_name: str, tensor: Tensor) -> Tensor:
    """A weight of the reference as our layer keeps it."""
    if our_name == RADIO_PATCHES:
        return patches_as_ours(tensor)
    return _reshape(tensor, linear=LINEAR_HERE.fullmatch(our_name), conv=LINEAR_THERE.fullmatch(our_name))


def to_reference_shape(our_name: str, tensor: Tensor, reference_name: str = '') -> Tensor:
    """A weight of ours as the reference's layer keeps it."""
    if reference_name.endswith('embedder.weight'):
        return patches_as_reference(tensor)
    return _reshape(tensor, linear=LINEAR_THERE.fullmatch(our_name), conv=LINEAR_HERE.fullmatch(our_name))


def _reshape(tensor: Tensor, linear: object, conv: object) -> Tensor:
    if linear and tensor.dim() == 4:
        return tensor.flatten(1)
    if conv and tensor.dim() == 2:
        return tensor[:, :, None, None]
    return tensor


def _rules(weights: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Pairs of names, reference and ours, for a network of this kind, in either layout."""
    if is_vit(weights):
        return VIT_RULES + PART_RULES
    if is_radio(weights) or is_dinov3(weights):
        transformer = transformer_rules('backbone.level_embed' in weights, is_radio(weights))
        return transformer + VIT_RULES + PART_RULES
    return FAN_RULES + PART_RULES


def _rename(key: str, rules: Rules) -> str | None:
    for pattern, template in rules:
        match = pattern.fullmatch(key)
        if match:
            return template.format(*match.groups())
    return None


def _compile(rules: Iterable[tuple[str, str]]) -> Rules:
    """(pattern with `#` and `*`, replacement) pairs → (regular expression, format string) pairs."""
    return [(re.compile(re.escape(source).replace(r'\#', r'(\d+)').replace(r'\*', '(.+)')),
             re.sub(r'[#*]', '{}', target)) for source, target in rules]


def _reversed(rules: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(ours, reference) for reference, ours in rules]
