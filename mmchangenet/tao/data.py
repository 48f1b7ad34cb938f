"""A spec's data: layout of the lightings, transforms, dataloaders."""

from collections import namedtuple

from .parameters import AUGMENT

CLASSIFY = 'dataset.classify'
AUGMENTATION = 'dataset.classify.augmentation_config'
CROP_SCALE = (0.8, 1.2)  # the reference's, whatever with_scale_random_crop says
MAX_BLUR = 1.0
LOADERS = dict(train='train_dataloader', validation='val_dataloader', test='test_dataloader')

Layout = namedtuple('Layout', ['kind', 'rows', 'columns'])


def layout_of(spec):
    """How the lightings lie in one image; a grid that does not hold exactly them is a problem of the spec.

    Returns:
        Layout: ``kind``, ``linear`` or ``grid``, and how many lightings lie below and beside each other.
    """
    count, kind = len(spec[f'{CLASSIFY}.input_map'] or ['']), spec[f'{CLASSIFY}.concat_type']
    if kind == 'linear':
        return Layout(kind, count, 1)
    rows, columns = spec[f'{CLASSIFY}.grid_map.y'], spec[f'{CLASSIFY}.grid_map.x']
    if rows * columns != count:
        spec.problem(f'{CLASSIFY}.grid_map.x', f'{columns} columns (x) of {rows} rows (y) are {rows * columns} places, but '
                     f'there are {count} lightings')
    return Layout(kind, rows, columns)


def dataloader(spec, name, layout, size, batch_size=None):
    """A dataloader.

    Args:
        spec (Spec): the spec.
        name (str): ``train``, ``validation``, ``test`` or ``infer``.
        layout (Layout): of the lightings.
        size (tuple[int, int]): (H, W) of the laid-out image.
        batch_size (int, optional): rows of a batch instead of the spec's.

    Returns:
        dict: its config.
    """
    training = name == 'train'
    workers = spec[f'{CLASSIFY}.workers']
    dataset = dict(
        type='LightingPairDataset', ann_file=spec.need(f'{CLASSIFY}.{name}_dataset.csv_path'),
        data_prefix=dict(img_path=spec.need(f'{CLASSIFY}.{name}_dataset.images_dir')), image_ext=spec[f'{CLASSIFY}.image_ext'],
        input_map=spec[f'{CLASSIFY}.input_map'], pipeline=pipeline(spec, layout, size, training))
    if spec[f'{CLASSIFY}.num_golden'] > 1:
        dataset['num_golden'] = spec[f'{CLASSIFY}.num_golden']
    if not training:
        dataset['test_mode'] = True
    sampler = (dict(type='DefectWeightedSampler', fail_ratio=spec[f'{CLASSIFY}.fpratio_sampling']) if training else
               dict(type='PairSampler', shuffle=False))
    loader = dict(batch_size=batch_size or spec[f'{CLASSIFY}.batch_size'], num_workers=workers,
                  persistent_workers=workers > 0 and name != 'infer', sampler=sampler, collate_fn=dict(type='pseudo_collate'),
                  dataset=dataset)
    if training:
        loader['drop_last'] = True
    return loader


def pipeline(spec, layout, size, training):
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


def _augmentation(spec):
    def value(name):
        return spec[f'{AUGMENTATION}.{name}']

    steps = []
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
        steps.append(dict(type='PairedColorJitter', prob=value('random_color.color_probability'),
                          **{name: value(f'random_color.{name}') for name in ('brightness', 'contrast', 'saturation', 'hue')}))
    return steps
