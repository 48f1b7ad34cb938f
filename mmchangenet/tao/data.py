"""A spec's data: layout of the lightings, transforms, dataloaders."""

from __future__ import annotations

from typing import Any, NamedTuple

from mmchangenet.labels.cells import EMPTY_LABEL, FOLDER_IN_NAME

from .network import Size
from .parameters import AUGMENT
from .spec import Spec

CLASSIFY = 'dataset.classify'
AUGMENTATION = 'dataset.classify.augmentation_config'
CROP_SCALE = (0.8, 1.2)  # the reference's, whatever with_scale_random_crop says
MAX_BLUR = 1.0
LOADERS = dict(train='train_dataloader', validation='val_dataloader', test='test_dataloader')



class Layout(NamedTuple):
    """How lightings lie in one image.

    Attributes:
        kind: ``linear`` or ``grid``.
        rows, columns: how many lie below and beside each other.
    """

    kind: str
    rows: int
    columns: int


def layout_of(spec: Spec) -> Layout:
    """How the lightings lie in one image; a grid that does not hold exactly them is a problem of the spec."""
    count, kind = len(spec[f'{CLASSIFY}.input_map'] or ['']), spec[f'{CLASSIFY}.concat_type']
    if kind == 'linear':
        return Layout(kind, count, 1)
    rows, columns = spec[f'{CLASSIFY}.grid_map.y'], spec[f'{CLASSIFY}.grid_map.x']
    spec.note(f'the lightings lie in a grid of {rows} rows (grid_map.y) × {columns} columns (grid_map.x), '
              'row by row')
    if rows * columns != count:
        spec.problem(f'{CLASSIFY}.grid_map.x',
            f'{columns} columns (x) of {rows} rows (y) are {rows * columns} places, but '
            f'there are {count} lightings')
    return Layout(kind, rows, columns)


def dataloader(spec: Spec,
               name: str,
               layout: Layout,
               size: Size,
               batch_size: int | None = None) -> dict[str, Any]:
    """The config of a dataloader.

    Args:
        spec: the spec.
        name: ``train``, ``validation``, ``test`` or ``infer``.
        layout: of the lightings.
        size: (H, W) of the laid-out image.
        batch_size: rows of a batch instead of the spec's.
    """
    training = name == 'train'
    workers = spec[f'{CLASSIFY}.workers']
    dataset: dict[str, Any] = dict(
        type='LightingPairDataset', ann_file=spec.need(f'{CLASSIFY}.{name}_dataset.csv_path'),
        data_prefix=dict(img_path=spec.need(f'{CLASSIFY}.{name}_dataset.images_dir')),
        image_ext=spec[f'{CLASSIFY}.image_ext'], input_map=spec[f'{CLASSIFY}.input_map'],
        allow=[FOLDER_IN_NAME, *([EMPTY_LABEL] if name == 'infer' else [])],  # as the toolkit's reader
        pipeline=pipeline(spec, layout, size, training))
    if spec[f'{CLASSIFY}.num_golden'] > 1:
        dataset['num_golden'] = spec[f'{CLASSIFY}.num_golden']
    if spec[f'{CLASSIFY}.pass_labels']:
        dataset['pass_labels'] = spec[f'{CLASSIFY}.pass_labels']
    if not training:
        dataset['test_mode'] = True
    sampler = (dict(type='DefectWeightedSampler', fail_ratio=spec[f'{CLASSIFY}.fpratio_sampling'])
               if training else dict(type='PairSampler', shuffle=False))
    loader: dict[str, Any] = dict(
        batch_size=batch_size or spec[f'{CLASSIFY}.batch_size'], num_workers=workers,
        persistent_workers=workers > 0 and name != 'infer', sampler=sampler,
        collate_fn=dict(type='pseudo_collate'), dataset=dataset)
    if training:
        loader['drop_last'] = True
    return loader


def pipeline(spec: Spec, layout: Layout, size: Size, training: bool) -> list[dict[str, Any]]:
    """The transforms, in the reference's order."""
    augment = training and spec[AUGMENT[0]]
    lighting = (size[0] // layout.rows, size[1] // layout.columns)
    grid = dict(grid=(layout.rows, layout.columns)) if layout.kind == 'grid' else {}
    return [
        dict(type='LoadLightings'),
        dict(type='PairedResize', size=lighting, filter='pillow-bicubic' if augment else 'pillow-bilinear'),
        *(_augmentation(spec) if augment else []),
        dict(type='LayOutLightings', layout=layout.kind, **grid),
        dict(type='PackChangeInputs')
    ]


def _augmentation(spec: Spec) -> list[dict[str, Any]]:
    def value(name: str) -> Any:
        return spec[f'{AUGMENTATION}.{name}']

    steps: list[dict[str, Any]] = []
    if value('random_flip.enable'):
        steps.append(dict(type='PairedRandomFlip', horizontal=value('random_flip.hflip_probability'),
                          vertical=value('random_flip.vflip_probability')))
    if value('random_rotate.enable'):
        steps.append(dict(type='PairedRandomRotate', prob=value('random_rotate.rotate_probability'),
                          angles=value('random_rotate.angle_list')))
    if value('with_random_crop'):
        steps.append(dict(type='PairedRandomResizedCrop', scale=CROP_SCALE))
    if value('with_random_blur'):
        steps.append(dict(type='PairedGaussianBlur', max_radius=MAX_BLUR))
    if value('random_color.enable'):
        steps.append(
            dict(type='PairedColorJitter',
                 prob=value('random_color.color_probability'),
                 **{
                     name: value(f'random_color.{name}')
                     for name in ('brightness', 'contrast', 'saturation', 'hue')
                 }))
    return steps
