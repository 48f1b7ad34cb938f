"""Weights of the reference's networks in this project's layout, and back.

The two layouts hold the same numbers under other names (a 1×1 convolution is a linear layer in one of them), so a
conversion there and back gives the same bytes.
"""

import re
from collections import OrderedDict

import torch

from mmchangenet.checkpoint import register_layout
from mmchangenet.models import FAN, ChangeClsHead, EuclideanDifference, LearnableDifference

from .vit_checkpoint import VIT_RULES, build_vit, infer_vit, is_vit

# Whole keys, reference and ours; the first rule that fits counts. `#` is a number and `*` the rest of a key, carried over.
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
)  # yapf: disable
PART_RULES = (
    ('fc1.*', 'neck.embed.*'),
    *((f'decoder.linear_c{level}.proj.*', f'neck.project.{level - 1}.*') for level in (1, 2, 3, 4)),
    *((f'decoder.diff_c{level}.*', f'neck.difference.{level - 1}.*') for level in (1, 2, 3, 4)),
    ('decoder.linear_fuse.0.*', 'neck.fuse.*'),
    ('decoder.linear_fuse.1.*', 'neck.fuse_norm.*'),
    ('decoder.classifier.*', 'head.layers.*'),
)  # yapf: disable
# Our keys whose weight is a matrix here and a 1×1 convolution there, and the other way round.
LINEAR_HERE = re.compile(r'backbone\.stem\.stage[12]\.\d+\.mlp\.fc[12]\.weight')
LINEAR_THERE = re.compile(r'neck\.project\.\d\.weight')


class LayoutError(ValueError):
    """A checkpoint that does not hold exactly the tensors of a network; lists what is unknown, missing or misshapen."""


def convert_state_dict(reference):
    """Weights of the reference's network → weights of ``SiameseClassifier``.

    Args:
        reference (dict[str, torch.Tensor]): the reference's layout, with or without the prefix ``model.`` or ``module.``.

    Returns:
        OrderedDict[str, torch.Tensor]: our layout; the tensors share memory with the given ones.

    Raises:
        LayoutError: when a key is unknown, missing or of another shape; lists all of them by the reference's names.
    """
    reference = strip_prefix(reference)
    rules, back = (_VIT_TO_OURS, _VIT_TO_REFERENCE) if is_vit(reference) else (_TO_OURS, _TO_REFERENCE)
    ours = OrderedDict()
    unknown = []
    for key, tensor in reference.items():
        name = _rename(key, rules)
        if name is None:
            unknown.append(key)
        else:
            ours[name] = _reshape(name, tensor, to_ours=True)
    _check(ours, unknown, 'the reference checkpoint', lambda key: _rename(key, back))
    return ours


def revert_state_dict(ours):
    """The inverse of ``convert_state_dict``: our layout → the reference's, without a prefix.

    Raises:
        LayoutError: as ``convert_state_dict``, by our names.
    """
    rules = _VIT_TO_REFERENCE if is_vit(ours) else _TO_REFERENCE
    names = {key: _rename(key, rules) for key in ours}
    known = OrderedDict((key, tensor) for key, tensor in ours.items() if names[key] is not None)
    _check(known, [key for key in ours if names[key] is None], 'the checkpoint', str)
    return OrderedDict((names[key], _reshape(key, tensor, to_ours=False)) for key, tensor in known.items())


def is_reference_layout(state_dict):
    """Whether the keys are those of the reference's networks."""
    return any(key.startswith(('backbone.patch_embed.backbone.', 'backbone.spm.', 'decoder.', 'fc1.'))
               for key in strip_prefix(state_dict))


@register_layout
def adapt_reference(weights):
    """Names of the reference's networks → ours, as far as they are known, so that its files load like ours.

    Args:
        weights (dict[str, torch.Tensor]): a whole network's or, with ``backbone.`` before the names, a backbone's.

    Returns:
        OrderedDict[str, torch.Tensor] | None: what is unknown keeps its name; None for another layout.
    """
    if not is_reference_layout(weights):
        return None
    rules = _VIT_TO_OURS if is_vit(weights) else _TO_OURS
    names = {key: _rename(key, rules) or key for key in weights}
    return OrderedDict((name, _reshape(name, weights[key], to_ours=True)) for key, name in names.items())


def original_names(weights):
    """Our names → the reference's, of weights that ``adapt_reference`` takes."""
    rules = _VIT_TO_OURS if is_vit(weights) else _TO_OURS
    return {_rename(key, rules) or key: key for key in weights}


def expected_layout(ours):
    """Every weight of the network, or of the bare FAN backbone, that weights in our layout are of.

    Args:
        ours (dict[str, torch.Tensor]): names of a bare backbone begin with ``backbone.``, too.

    Returns:
        dict[str, torch.Size]: name → shape.

    Raises:
        LayoutError: when the weights do not tell.
    """
    if any(name.startswith(('neck.', 'head.')) for name in ours):
        return _layout(infer_structure(ours))
    try:
        structure = _infer_fan(ours)
    except (KeyError, TypeError) as error:
        raise LayoutError(f'this is neither a whole Visual ChangeNet network nor a FAN backbone ({error}). For another '
                          'backbone name the config that it is for.') from error
    with torch.device('meta'):
        backbone, _ = _build_fan(structure)
    return {f'backbone.{name}': tensor.shape for name, tensor in backbone.state_dict().items()}


def strip_prefix(state_dict):
    """Without ``model.`` and ``module.`` in front of every key."""
    for prefix in ('model.', 'module.', 'model.'):
        if state_dict and all(key.startswith(prefix) for key in state_dict):
            state_dict = OrderedDict((key[len(prefix):], tensor) for key, tensor in state_dict.items())
    return state_dict


def infer_structure(ours):
    """What a state dict in our layout says of its network.

    Returns:
        dict: ``backbone``, its type, and ``arch``, for a vision transformer also ``img_size``; ``difference``,
        ``euclidean`` or ``learnable``, and with it ``features`` (length of the flattened map that is embedded or
        classified), ``embedding_vectors`` or ``embed_dim``, ``num_modules``, ``embed_dec``, ``num_classes``.

    Raises:
        LayoutError: when the tensors that tell are not there.
    """
    try:
        backbone = infer_vit(ours) if is_vit(ours) else _infer_fan(ours)
        if 'neck.embed.0.weight' in ours:
            return dict(
                **backbone, difference='euclidean', features=ours['neck.embed.0.weight'].shape[1],
                hidden_dim=len(ours['neck.embed.0.weight']), embedding_vectors=len(ours['neck.embed.6.weight']))
        embed_dim, fused = ours['neck.fuse.weight'].shape[:2]
        embed_dec, features = ours['head.layers.0.weight'].shape
        return dict(
            **backbone, difference='learnable', features=features, embed_dim=embed_dim, num_modules=fused // embed_dim,
            embed_dec=embed_dec, num_classes=len(ours['head.layers.6.weight']))
    except KeyError as error:
        raise LayoutError(f'this is not a whole Visual ChangeNet network: {error} tells its size and is missing or '
                          'unknown.') from error


def _infer_fan(ours):
    width = len(ours['backbone.patch_embed.weight'])
    return dict(backbone='FAN', arch={variant['width']: name for name, variant in FAN.variants.items()}[width])


def _build_fan(structure):
    """The backbone and the channels of its levels."""
    backbone = FAN(structure['arch'])
    width = backbone.variants[structure['arch']]['width']
    return backbone, [*backbone.stem.widths, width, width]


def _check(ours, unknown, what, name_of):
    """Compare with the network that the tensors themselves describe."""
    expected = _layout(infer_structure(ours))
    missing = [name_of(key) for key in expected if key not in ours]
    unknown = unknown + [name_of(key) for key in ours if key not in expected]
    misshapen = [f'{name_of(key)}: {tuple(tensor.shape)} instead of {tuple(expected[key])}' for key, tensor in ours.items()
                 if key in expected and tensor.shape != expected[key]]
    problems = [f'{len(keys)} {title}:\n    ' + '\n    '.join(keys)
                for title, keys in (('unknown', unknown), ('missing', missing), ('misshapen', misshapen)) if keys]
    if problems:
        raise LayoutError(f'{what} does not hold exactly the tensors of its network.\n  ' + '\n  '.join(problems))


def _layout(structure):
    """Every key of the network and its shape, in our layout."""
    with torch.device('meta'):
        backbone, channels = (_build_fan if structure['backbone'] == 'FAN' else build_vit)(structure)
        if structure['difference'] == 'euclidean':
            parts = dict(
                backbone=backbone, neck=EuclideanDifference([(structure['features'], )], structure['embedding_vectors'],
                                                            structure['hidden_dim']))
        else:
            embed_dim = structure['embed_dim']
            places = (1, structure['features'] // embed_dim)
            neck = LearnableDifference([(count, *places) for count in channels], embed_dim, structure['num_modules'])
            head = ChangeClsHead(neck.out_shape, structure['embed_dec'], structure['num_classes'])
            parts = dict(backbone=backbone, neck=neck, head=head)
    return {f'{part}.{key}': tensor.shape for part, module in parts.items() for key, tensor in module.state_dict().items()}


def _reshape(our_key, tensor, to_ours):
    if (LINEAR_HERE if to_ours else LINEAR_THERE).fullmatch(our_key) and tensor.dim() == 4:
        return tensor.flatten(1)
    if (LINEAR_THERE if to_ours else LINEAR_HERE).fullmatch(our_key) and tensor.dim() == 2:
        return tensor[:, :, None, None]
    return tensor


def _rename(key, rules):
    for pattern, template in rules:
        match = pattern.fullmatch(key)
        if match:
            return template.format(*match.groups())
    return None


def _compile(rules):
    """(pattern with `#` and `*`, replacement) pairs → (regular expression, format string) pairs."""
    return [(re.compile(re.escape(source).replace(r'\#', r'(\d+)').replace(r'\*', '(.+)')), re.sub(r'[#*]', '{}', target))
            for source, target in rules]


def _reversed(rules):
    return [(ours, reference) for reference, ours in rules]


_TO_OURS, _TO_REFERENCE = _compile(FAN_RULES + PART_RULES), _compile(_reversed(FAN_RULES + PART_RULES))
_VIT_TO_OURS, _VIT_TO_REFERENCE = _compile(VIT_RULES + PART_RULES), _compile(_reversed(VIT_RULES + PART_RULES))
