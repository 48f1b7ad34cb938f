"""Names of the weights of ``vit_large_nvdinov2`` in the reference's layout and in ours, and what they say of the network."""

import math
import re

from mmchangenet.models import DINOv2, ViTAdapter
from mmchangenet.models.backbones.vit_trunk import VARIANTS

# As RULES of checkpoint.py: reference and ours. The transformer's names are the same, those of the adapter are not.
VIT_RULES = (
    *((f'backbone.spm.conv{number}.*', f'backbone.spatial_prior.downsample.{number - 2}.*') for number in (2, 3, 4)),
    *((f'backbone.spm.fc{number}.*', f'backbone.spatial_prior.project.{number - 1}.*') for number in (1, 2, 3, 4)),
    ('backbone.spm.stem.*', 'backbone.spatial_prior.stem.*'),
    *((f'backbone.interactions.#.{theirs}.{their_part}', f'backbone.interactions.#.{ours}.{our_part}')
      for theirs, ours in (('injector', 'injector'), ('extractor', 'extractors.0'), ('extra_extractors.0', 'extractors.1'),
                           ('extra_extractors.1', 'extractors.2'))
      for their_part, our_part in (('feat_norm.*', 'feature_norm.*'), ('attn.*', 'attention.*'), ('ls.*', 'scale.*'),
                                   ('ffn.dwconv.dwconv.*', 'ffn.depthwise.*'), ('*', '*'))),
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
)  # yapf: disable


def is_vit(weights):
    """Whether these are weights of a network on a vision transformer, in either layout."""
    return 'backbone.pos_embed' in weights


def infer_vit(ours):
    """What weights in our layout say of their vision transformer.

    Returns:
        dict: ``backbone``, ``DINOv2`` or ``ViTAdapter``; ``arch``, a name or a dict; ``img_size``, (H, W) of the position
        table, taken for square.

    Raises:
        KeyError: naming the weight that would tell and is missing.
    """
    width = ours['backbone.cls_token'].shape[-1]
    hidden_dim = len(ours['backbone.blocks.0.mlp.fc1.weight'])
    depth = 1 + max(int(match[1]) for match in map(re.compile(r'backbone\.blocks\.(\d+)\.').match, ours) if match)
    sizes = dict(width=width, depth=depth, hidden_dim=hidden_dim,
                 swiglu=ours['backbone.blocks.0.mlp.fc2.weight'].shape[1] < hidden_dim)
    # the heads leave no trace in the transformer's weights; they are 64 channels wide in every known variant
    arch = dict(sizes, num_heads=max(1, width // 64))
    name = next((name for name, variant in VARIANTS.items() if variant == arch), arch)
    patch_size = ours['backbone.patch_embed.proj.weight'].shape[-1]
    entries = ours['backbone.pos_embed'].shape[1] - 1
    side = math.isqrt(entries)
    grid = (side, side) if side * side == entries else (1, entries)
    backbone = 'ViTAdapter' if 'backbone.level_embed' in ours else 'DINOv2'
    return dict(backbone=backbone, arch=name, img_size=tuple(patch_size * places for places in grid))


def build_vit(structure):
    """The backbone of ``infer_vit`` and the channels of its levels."""
    backbone = dict(DINOv2=DINOv2, ViTAdapter=ViTAdapter)[structure['backbone']](
        structure['arch'], img_size=structure['img_size'])
    return backbone, [backbone.width] * 4
