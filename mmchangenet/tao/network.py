"""Which network a spec means: what it says, what its checkpoint knows, the defaults for the rest."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from mmchangenet.checkpoint import meta_of, read_checkpoint, state_dict_of
from mmchangenet.checkpoint.trained_config import read_config_text
from mmchangenet.models import FAN
from mmchangenet.models.backbones.vit_trunk import VARIANTS

from .checkpoint import infer_structure
from .parameters import FAN_TYPES, PARAMETERS, VIT

STRUCTURAL = {parameter.structural: key for key, parameter in PARAMETERS.items() if parameter.structural}
FOR_LEARNABLE, FOR_EUCLIDEAN = ('embed_dim', 'num_modules', 'embed_dec'), ('embedding_vectors', )
FAN_STRIDES, VIT_STRIDES = [4, 8, 16, 16], [4, 8, 16, 32]
VIT_ARCH = 'nv_large'
HEIGHT, WIDTH, SHAPE = (f'dataset.classify.{name}' for name in ('image_height', 'image_width', 'output_shape'))


@dataclass
class Known:
    """What a checkpoint tells of its network.

    Attributes:
        source (str): the file.
        parts (dict[str, Any]): names of ``STRUCTURAL`` → values.
        input_size (tuple[int, int] | None): (H, W) of the laid-out image, where the file says so.
        pixels (int | None): H · W, where the weights' shapes say so.
        vit (dict): what the backbone's config takes beyond its type, of a vision transformer.
    """

    source: str
    parts: dict = field(default_factory=dict)
    input_size: tuple | None = None
    pixels: int | None = None
    vit: dict = field(default_factory=dict)


def read_known(path):
    """What a checkpoint tells.

    Args:
        path (str): our checkpoint, a converted one or the toolkit's.

    Returns:
        Known: without parts when there is no such file.

    Raises:
        CheckpointError: when it is not a whole checkpoint.
        LayoutError: when it does not hold a whole network of the toolkit's kinds.
    """
    if not Path(path).is_file():
        return Known(path)
    checkpoint = read_checkpoint(path)
    structure = infer_structure(state_dict_of(checkpoint))
    model = read_config_text(meta_of(checkpoint).get('cfg') or '').get('model')
    size = model.get('input_size') if isinstance(model, dict) else None
    parts = {name: structure[name] for name in STRUCTURAL if name in structure}
    vit = {}
    if structure['backbone'] == 'FAN':
        parts['backbone'] = next(name for name, arch in FAN_TYPES.items() if arch == structure['arch'])
    else:
        parts['backbone'] = VIT
        vit = dict(arch=structure['arch'], img_size=structure['img_size'])
    return Known(path, parts, tuple(size) if isinstance(size, list) else None, _pixels(structure), vit)


def _pixels(structure):
    """From the length of the flattened map: of stride 4 (learnable) or 16 (FAN, Euclidean); a class token does not tell."""
    if structure['difference'] == 'learnable':
        return structure['features'] // structure['embed_dim'] * 4**2
    if structure['backbone'] != 'FAN':
        return None
    return structure['features'] // FAN.variants[structure['arch']]['width'] * 16**2


def settle_network(spec, known, strict):
    """The parts of the network.

    Args:
        spec (Spec): gets a problem a conflict.
        known (Known | None): of the checkpoint to load.
        strict (bool): whether all weights of it have to fit; otherwise what the spec says wins.

    Returns:
        dict[str, Any]: ``STRUCTURAL``'s names → values, without those of the other architecture; with ``vit`` where the
        backbone is one.
    """
    parts = {}
    found = known.parts if known else {}
    for name in ('difference', *(name for name in STRUCTURAL if name != 'difference')):
        key = STRUCTURAL[name]
        if name in (FOR_EUCLIDEAN if parts.get('difference') == 'learnable' else FOR_LEARNABLE):
            continue
        if key in spec and name in found and strict and spec[key] != found[name]:
            spec.problem(key, f'{spec[key]!r}, but the network in {known.source} has {found[name]!r}: leave it out to take that')
        parts[name] = spec[key] if key in spec or name not in found else found[name]
    _check_parts(spec, parts)
    if parts['backbone'] == VIT:
        parts['vit'] = known.vit if known and known.vit else dict(arch=VIT_ARCH)
    return parts


def _check_parts(spec, parts):
    learnable, is_vit = parts['difference'] == 'learnable', parts['backbone'] == VIT
    if not learnable and parts.get('num_classes', 2) > 2:
        spec.problem(STRUCTURAL['num_classes'], 'the Euclidean difference tells PASS from FAIL only; more than two classes '
                     'need model.classify.difference_module: learnable')
    if not learnable:
        return
    width = VARIANTS[VIT_ARCH]['width'] if is_vit else FAN.variants[FAN_TYPES[parts['backbone']]]['width']
    channels = [width] * 4 if is_vit else [128, 256, width, width]
    for name, of_backbone in (('feature_strides', VIT_STRIDES if is_vit else FAN_STRIDES), ('in_channels', channels),
                              ('in_index', [0, 1, 2, 3])):
        key = f'model.decode_head.{name}'
        if key in spec and spec[key] != of_backbone:
            spec.problem(key, f'{spec[key]}, but {parts["backbone"]} has {of_backbone}: leave it out')
    key = 'model.decode_head.use_summary_token'
    if key in spec and not is_vit:
        spec.note(f'{key} has no effect: FAN has no summary token')
    elif key in spec and not spec[key]:
        spec.problem(key, f'False is refused: {VIT} is built with its summary token')


def settle_size(spec, known, rows, columns, strict, exporting):
    """(H, W) of the laid-out image.

    Args:
        spec (Spec): gets a problem a conflict.
        known (Known | None): of the checkpoint to load.
        rows, columns (int): of lightings in the laid-out image.
        strict (bool): whether all weights of it have to fit.
        exporting (bool): whether the sizes of ``export`` count.

    Returns:
        tuple[int, int]: its size; lightings are (H / rows, W / columns).
    """
    sizes = {}
    if any(key in spec for key in (HEIGHT, WIDTH, SHAPE)):
        sizes['dataset.classify'] = _of_lightings(spec, rows, columns)
    if exporting and ('export.input_height' in spec or 'export.input_width' in spec):
        sizes['export'] = spec['export.input_height'], spec['export.input_width']
    if len(set(sizes.values())) > 1:
        spec.problem('export.input_height', 'the sizes of export are {}×{} (height×width), but the lightings of dataset.classify '
                     'lay out to {}×{}'.format(*sizes['export'], *sizes['dataset.classify']))
    size = next(iter(sizes.values()), None)
    if size is None and known is not None:
        size = known.input_size or _square_lightings(known.pixels, rows, columns)
        if size is None and known.pixels is not None:
            spec.problem(HEIGHT, f'has to be given, and {WIDTH}: {known.source} says only that the laid-out image has '
                         f'{known.pixels} pixels')
            size = (rows * 128, columns * 128)
    if size is None:
        size = (spec['export.input_height'], spec['export.input_width']) if exporting else _of_lightings(spec, rows, columns)
    elif known is not None and strict:
        _check_size(spec, known, size, next(iter(sizes), 'dataset.classify'))
    return size


def _of_lightings(spec, rows, columns):
    height, width = spec[SHAPE] or (None, None)
    for key, value in ((HEIGHT, height), (WIDTH, width)):
        if value is not None and key in spec and spec[key] != value:
            spec.problem(key, f'{spec[key]}, but {SHAPE} (height, width) is {spec[SHAPE]}; they are the same')
    return rows * (height or spec[HEIGHT]), columns * (width or spec[WIDTH])


def _square_lightings(pixels, rows, columns):
    """The laid-out size of so many pixels when each lighting is a square; None when that cannot be."""
    if pixels is None or pixels % (rows * columns):
        return None
    side = math.isqrt(pixels // (rows * columns))
    return (rows * side, columns * side) if side * side * rows * columns == pixels else None


def _check_size(spec, known, size, section):
    key = 'export.input_height' if section == 'export' else SHAPE if SHAPE in spec else HEIGHT
    if known.input_size and tuple(known.input_size) != tuple(size):
        spec.problem(key, f'the laid-out image is {size[0]}×{size[1]} (height×width), but the network in {known.source} was '
                     f'built for {known.input_size[0]}×{known.input_size[1]}')
    elif known.pixels and known.pixels != math.prod(size):
        spec.problem(key, f'the laid-out image is {size[0]}×{size[1]} (height×width), {math.prod(size)} pixels, but the network '
                     f'in {known.source} was built for {known.pixels} pixels')


def check_input_size(spec, parts, size):
    """Note as a problem a laid-out image that the backbone cannot take."""
    height, width = size
    multiple, square = 16, parts['backbone'] == VIT
    if square:
        multiple = 32 if parts['difference'] == 'learnable' else 14
    if height % multiple or width % multiple or square and height != width:
        spec.problem(SHAPE if SHAPE in spec else HEIGHT, f'the lightings lay out to {height}×{width} (height×width), but '
                     f'{parts["backbone"]} takes {"squares with" if square else ""} sides that are multiples of {multiple}')
