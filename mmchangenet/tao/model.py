"""A spec's network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .backbones import BACKBONES
from .network import Size
from .releases import SEVEN, defaults_of
from .spec import Spec

LEAST_USEFUL = 1.0  # scores of the learnable architecture are probabilities
HALF = 0.5
GREY_LEVELS = 255
# mean and std: what C-RADIO is trained on, and what of ImageNet's the toolkit takes for "not chosen"
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STDS = (0.229, 0.224, 0.225), (0.226, 0.226, 0.226)
CLOSE = 1e-4
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
    mean, std = _normalisation(spec, parts)
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


def _normalisation(spec: Spec, parts: Mapping[str, Any]) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and std of images from 0 to 1: the spec's; with C-RADIO CLIP's for ImageNet's, as in 7.x."""
    mean, std = (spec[f'dataset.classify.augmentation_config.rgb_input_{name}'] for name in ('mean', 'std'))
    if not BACKBONES[parts['backbone']].is_radio:
        return mean, std
    of_imagenet = _close(mean, IMAGENET_MEAN) and any(_close(std, known) for known in IMAGENET_STDS)
    if not of_imagenet:
        spec.note(f'images are normalised with mean {list(mean)} and std {list(std)}, as the spec says')
        return mean, std
    if defaults_of(spec.release) != SEVEN:
        spec.warn(f"images are normalised with ImageNet's mean {list(mean)} and std {list(std)}, as "
                  "before 7.0; C-RADIO is trained on CLIP's, which --release 7.1 takes")
        return mean, std
    spec.note(f"images are normalised with CLIP's mean {list(CLIP[0])} and std {list(CLIP[1])}, as "
              "C-RADIO is trained, in place of ImageNet's in the spec, as in 7.x; a network that was trained "
              "before 7.0 needs --release 6.25, which keeps ImageNet's")
    return CLIP


def _close(values: Sequence[float], others: Sequence[float]) -> bool:
    return all(abs(value - other) <= CLOSE for value, other in zip(values, others, strict=True))


def _backbone(spec: Spec, parts: Mapping[str, Any], size: Size, training: bool) -> dict[str, Any]:
    learnable = parts['difference'] == 'learnable'
    of_type = BACKBONES[parts['backbone']]
    name = of_type.name_of(learnable)
    more: dict[str, Any] = {}
    if name == 'FAN' and not learnable:
        more = dict(out_indices=(3, ))
    elif name == 'DINOv2':
        more = dict(out_type='cls_token')
    elif name == 'ViTAdapter':
        more = dict(img_size=tuple(size))
    elif learnable and of_type.has_summary_option:
        more = dict(use_summary=parts['use_summary'])
    backbone = dict(type=name, **{**more, **parts['sizes']})
    if not training:
        return backbone
    pretrained = spec['model.backbone.pretrained_backbone_path']
    if pretrained:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=pretrained)
    if spec['model.backbone.freeze_backbone']:
        arch = backbone['arch']  # a dict in a checkpoint of another size
        all_of_it = arch.get('depth', of_type.depth) if isinstance(arch, dict) else of_type.depth
        backbone['frozen_stages'] = all_of_it
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
