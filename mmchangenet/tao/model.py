"""A spec's network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmchangenet.models.backbones.vit_trunk import VARIANTS

from .network import VIT_ARCH, Size
from .parameters import FAN_TYPES, VIT
from .releases import SEVEN, defaults_of
from .spec import Spec

LEAST_USEFUL = 1.0  # scores of the learnable architecture are probabilities
HALF = 0.5
GREY_LEVELS = 255
WEIGHT_SOURCES = ('model.backbone.pretrained_backbone_path', 'train.pretrained_model_path',
                  'train.resume_training_checkpoint_path')


def model_config(spec: Spec, parts: Mapping[str, Any], size: Size, training: bool) -> dict[str, Any]:
    """The config of the network.

    Args:
        spec: the spec.
        parts: its structure, of ``settle_network``.
        size: (H, W) of the laid-out image.
        training: whether pretrained weights and losses matter.

    Returns:
        ``SiameseClassifier``.
    """
    learnable = parts['difference'] == 'learnable'
    margin = spec['model.classify.eval_margin']
    if learnable and margin > LEAST_USEFUL and defaults_of(spec.release) == SEVEN:
        spec.warn(f'model.classify.eval_margin is {margin:g}, which no probability exceeds: {HALF} is used, '
                  'as in 7.1')
        margin = HALF
    elif learnable and margin >= LEAST_USEFUL:
        spec.warn(f'model.classify.eval_margin is {margin:g}, which no probability exceeds: every row will '
                  'be called PASS. '
                  'Set it between 0 and 1, or pick it with tools/analysis_tools/pick_threshold.py.')
    mean, std = (spec[f'dataset.classify.augmentation_config.rgb_input_{name}'] for name in ('mean', 'std'))
    return dict(
        type='SiameseClassifier',
        input_size=tuple(size),
        data_preprocessor=dict(type='PairDataPreprocessor',
                               mean=[round(GREY_LEVELS * value, 6) for value in mean],
                               std=[round(GREY_LEVELS * value, 6) for value in std]),
        backbone=_backbone(spec, parts, size, training),
        neck=(dict(type='LearnableDifference', embed_dim=parts['embed_dim'], num_modules=parts['num_modules'])
              if learnable else dict(type='EuclideanDifference',
                                     embedding_vectors=parts['embedding_vectors'])),
        head=_head(spec, parts, margin))


def _backbone(spec: Spec, parts: Mapping[str, Any], size: Size, training: bool) -> dict[str, Any]:
    learnable = parts['difference'] == 'learnable'
    if parts['backbone'] == VIT:
        of_type = dict(type='ViTAdapter', img_size=tuple(size)) if learnable else dict(type='DINOv2',
                                                                                       out_type='cls_token')
        backbone: dict[str, Any] = {**of_type, **parts['vit']}
        all_stages = VARIANTS[VIT_ARCH]['depth']
    else:
        backbone = dict(type='FAN', arch=FAN_TYPES[parts['backbone']])
        if not learnable:
            backbone['out_indices'] = (3, )
        all_stages = 4
    if not training:
        return backbone
    pretrained = spec['model.backbone.pretrained_backbone_path']
    if pretrained:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=pretrained)
    if spec['model.backbone.freeze_backbone']:
        backbone['frozen_stages'] = all_stages
        if not any(key in spec for key in WEIGHT_SOURCES):
            spec.problem('model.backbone.freeze_backbone',
                'a backbone of random weights would stay random: give pretrained ones '
                'with model.backbone.pretrained_backbone_path or train.pretrained_model_path')
    return backbone


def _head(spec: Spec, parts: Mapping[str, Any], margin: float) -> dict[str, Any]:
    if parts['difference'] == 'euclidean':
        return dict(type='ContrastiveHead', margin=margin,
                    loss=dict(type='ContrastiveLoss', margin=spec['model.classify.train_margin_euclid']))
    weights: list[float] = spec['train.classify.cls_weight']
    count: int = parts['num_classes']
    if 'train.classify.cls_weight' not in spec and count > 2:
        weights = [weights[0]] + [weights[1]] * (count - 1)
        spec.note(f'train.classify.cls_weight is not in the spec: {weights}, one a class')
    if len(weights) != count:
        spec.problem('train.classify.cls_weight',
            f'{weights} are {len(weights)} weights, but there are {count} classes')
    return dict(type='ChangeClsHead', num_classes=count, embed_dec=parts['embed_dec'], margin=margin,
                loss=dict(type='WeightedCrossEntropy', class_weight=weights))
