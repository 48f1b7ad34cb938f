"""Which network a spec means: what it says, what its checkpoint knows, the defaults for the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmchangenet.checkpoint import (
    CheckpointError,
    backbone_weights_in,
    meta_of,
    read_checkpoint,
    state_dict_of,
)
from mmchangenet.checkpoint.trained_config import read_config_text
from mmchangenet.models import FAN

from .backbones import BACKBONES, type_of
from .checkpoint import infer_structure
from .parameters import PARAMETERS
from .spec import Spec

Size = tuple[int, int]

STRUCTURAL = {parameter.structural: key for key, parameter in PARAMETERS.items() if parameter.structural}
FOR_LEARNABLE = 'embed_dim', 'num_modules', 'embed_dec', 'use_summary'
FOR_EUCLIDEAN = ('embedding_vectors', )
OF_PAGE = (' (100×100 is a default of the published page that fits no backbone; take the size that the '
           'checkpoint was '
           'trained with, the published specs have 128×128)')
EXPORTED = 'export.input_height', 'export.input_width'
HEIGHT, WIDTH, SHAPE = (f'dataset.classify.{name}' for name in ('image_height', 'image_width',
                                                                'output_shape'))


@dataclass
class Known:
    """What a checkpoint tells of its network.

    Attributes:
        source: the file.
        parts: names of ``STRUCTURAL`` → values.
        input_size: (H, W) of the laid-out image, where the file says so.
        pixels: H · W, where the weights' shapes say so.
        kind: our backbone's name; empty where there is no such file.
        sizes: arguments of a vision transformer's config: ``arch``, and ``img_size`` where it has one.
    """

    source: str
    parts: dict[str, Any] = field(default_factory=dict)
    input_size: Size | None = None
    pixels: int | None = None
    kind: str = ''
    sizes: dict[str, Any] = field(default_factory=dict)


def read_known(path: str) -> Known:
    """What a checkpoint tells.

    Args:
        path: our checkpoint, a converted one or the toolkit's.

    Returns:
        Without parts when there is no such file.

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
    if (name := type_of(structure)) is not None:
        parts['backbone'] = name
    else:
        del parts['backbone']  # of a size that no spec can name
    sizes: dict[str, Any] = {key: structure[key] for key in ('arch', 'img_size') if key in structure}
    fits = isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    return Known(path, parts, (size[0], size[1]) if fits and size else None, _pixels(structure),
                 structure['backbone'], sizes)


def _pixels(structure: Mapping[str, Any]) -> int | None:
    """From the length of the flattened map: of stride 4 (learnable) or 16 (FAN, Euclidean); a class token
    does not tell.
    """
    if structure['difference'] == 'learnable':
        return structure['features'] // structure['embed_dim'] * 4**2
    if structure['backbone'] != 'FAN':
        return None
    width: Any = FAN.variants[structure['arch']]['width']
    return structure['features'] // width * 16**2


def settle_network(spec: Spec, known: Known | None, strict: bool) -> dict[str, Any]:
    """The parts of the network.

    Args:
        spec: gets a problem per conflict.
        known: of the checkpoint to load.
        strict: whether all weights of it have to fit; otherwise what the spec says wins, but for the
            backbone.

    Returns:
        ``STRUCTURAL``'s names → values, without those of the other architecture; ``sizes``, what the
        backbone's config takes to be of the right size.
    """
    parts: dict[str, Any] = {}
    found = known.parts if known else {}
    for name in ('difference', *(name for name in STRUCTURAL if name != 'difference')):
        key = STRUCTURAL[name]
        if name in (FOR_EUCLIDEAN if parts.get('difference') == 'learnable' else FOR_LEARNABLE):
            continue
        if key in spec and name in found and spec[key] != found[name]:
            _conflict(spec, key, found[name], known.source if known else '', strict, name)
        parts[name] = spec[key] if key in spec or name not in found else found[name]
    _check_parts(spec, parts)
    of_type = BACKBONES[parts['backbone']]
    same = (known is not None and known.kind in (of_type.plain, of_type.adapter)
            and found.get('backbone', parts['backbone']) == parts['backbone'])
    parts['sizes'] = known.sizes if known and same else dict(arch=of_type.arch)
    return parts


def _conflict(spec: Spec, key: str, found: Any, source: str, strict: bool, name: str) -> None:
    if strict:
        spec.problem(key, f'{spec[key]!r}, but the network in {source} has {found!r}: leave it out to take '
                          'that')
    elif name == 'backbone' and not spec.partial:
        spec.problem(key, f'{spec[key]}, but the network in {source} has {found}, of which little would '
                          'fit: take '
                     'pretrained weights of the same backbone, leave the key out to take the one of the '
                     'file, or use '
                     '--partial to start from what fits')


def _check_parts(spec: Spec, parts: Mapping[str, Any]) -> None:
    learnable = parts['difference'] == 'learnable'
    if not learnable and parts.get('num_classes', 2) > 2:
        spec.problem(STRUCTURAL['num_classes'],
            'the Euclidean difference tells PASS from FAIL only; more than two classes '
            'need model.classify.difference_module: learnable')
    if not learnable:
        return
    for name in ('feature_strides', 'in_channels', 'in_index'):
        if (key := f'model.decode_head.{name}') in spec:
            spec.pass_over(key, 'levels, their channels and strides are the backbone\'s')
    key = 'model.decode_head.use_summary_token'
    of_type = BACKBONES[parts['backbone']]
    if key in spec and not of_type.has_summary_option:
        spec.pass_over(key, 'FAN has no summary token' if of_type.plain == 'FAN' else
                       f'{parts["backbone"]} always has its summary token')


def check_pretrained_backbone(spec: Spec, parts: Mapping[str, Any]) -> None:
    """Note as a problem pretrained weights of another FAN than the spec's."""
    key = 'model.backbone.pretrained_backbone_path'
    of_type = BACKBONES[parts['backbone']]
    if key not in spec or not Path(spec[key]).is_file() or of_type.plain != 'FAN' or spec.partial:
        return
    try:
        weights = backbone_weights_in(read_checkpoint(spec[key]))
    except CheckpointError as error:
        spec.problem(key, str(error))
        return
    width: Any = FAN.variants[of_type.arch]['width']
    found = len(weights['patch_embed.weight']) if 'patch_embed.weight' in weights else width
    if found != width:
        types = [name for name, other in BACKBONES.items()
                 if other.plain == 'FAN' and FAN.variants[other.arch]['width'] == found]
        spec.problem(key, f'{spec[key]} holds {types[0] if types else f"a backbone {found} channels wide"}, '
                          'but '
                     f'model.backbone.type is {parts["backbone"]}: little would fit')


def settle_size(spec: Spec, known: Known | None, rows: int, columns: int, strict: bool,
                exporting: bool) -> Size:
    """(H, W) of the laid-out image.

    Args:
        spec: gets a problem per conflict.
        known: of the checkpoint to load.
        rows, columns: of lightings in the laid-out image.
        strict: whether all weights of it have to fit.
        exporting: whether the sizes of ``export`` count where nothing else is known.

    Returns:
        Its size; lightings are (H / rows, W / columns).
    """
    size = _of_lightings(spec, rows, columns) if any(key in spec for key in (HEIGHT, WIDTH, SHAPE)) else None
    section = 'dataset.classify'
    if size is None and known is not None and known.input_size:
        size = known.input_size
    if size is None and exporting and any(key in spec for key in EXPORTED):
        size, section = (spec[EXPORTED[0]], spec[EXPORTED[1]]), 'export'
    if size is None and known is not None and known.pixels is not None:
        size = _square_lightings(known.pixels, rows, columns)
        if size is None:
            spec.problem(HEIGHT, f'has to be given, and {WIDTH}: {known.source} says only that the laid-out '
                                 'image has '
                         f'{known.pixels} pixels')
            return rows * 128, columns * 128
    if size is None:
        size = (spec[EXPORTED[0]], spec[EXPORTED[1]]) if exporting else _of_lightings(spec, rows, columns)
    elif known is not None and strict:
        _check_size(spec, known, size, section)
    asked = {key: spec[key] for key in EXPORTED if key in spec} if exporting else {}
    if any(side != asked.get(key, side) for key, side in zip(EXPORTED, size, strict=True)):
        spec.warn('export.input_height and export.input_width are not what the network is built for: it is '
                  'exported for '
                  f'{size[0]}×{size[1]} (height×width)')
    return size


def _of_lightings(spec: Spec, rows: int, columns: int) -> Size:
    height, width = spec[SHAPE] or (None, None)
    for key, value in ((HEIGHT, height), (WIDTH, width)):
        if value is not None and key in spec and spec[key] != value:
            spec.problem(key, f'{spec[key]}, but {SHAPE} (height, width) is {spec[SHAPE]}; they are the same')
    return rows * (height or spec[HEIGHT]), columns * (width or spec[WIDTH])


def _square_lightings(pixels: int, rows: int, columns: int) -> Size | None:
    """The laid-out size of so many pixels when each lighting is a square; None when that cannot be."""
    if pixels % (rows * columns):
        return None
    side = math.isqrt(pixels // (rows * columns))
    return (rows * side, columns * side) if side * side * rows * columns == pixels else None


def _check_size(spec: Spec, known: Known, size: Size, section: str) -> None:
    key = 'export.input_height' if section == 'export' else SHAPE if SHAPE in spec else HEIGHT
    if known.input_size and tuple(known.input_size) != tuple(size):
        spec.problem(key, f'the laid-out image is {size[0]}×{size[1]} (height×width), but the network in '
                          f'{known.source} was '
                     f'built for {known.input_size[0]}×{known.input_size[1]}')
    elif known.pixels and known.pixels != math.prod(size):
        spec.problem(key, f'the laid-out image is {size[0]}×{size[1]} (height×width), {math.prod(size)} '
                          'pixels, but the network '
                     f'in {known.source} was built for {known.pixels} pixels')


def check_input_size(spec: Spec, parts: Mapping[str, Any], size: Size, rows: int, columns: int) -> None:
    """Note as a problem a laid-out image that the backbone cannot take, with the sizes nearby that it can."""
    of_type = BACKBONES[parts['backbone']]
    multiple, square = of_type.multiple_of(parts['difference'] == 'learnable'), of_type.square
    if all(side % multiple == 0 for side in size) and not (square and size[0] != size[1]):
        return
    height, width = size
    kind = 'squares with sides' if square else 'sides'
    what = f'{parts["backbone"]} takes {kind} that are multiples of {multiple}'
    if square and height != width:
        advice = 'a grid (concat_type: grid) of as many rows as columns makes a square of square lightings'
    else:
        steps = multiple // math.gcd(multiple, rows), multiple // math.gcd(multiple, columns)
        sides = [f'{max(step, side // count // step * step)} or {(side // count // step + 1) * step}'
                 for side, count, step in zip(size, (rows, columns), steps, strict=True)]
        advice = f'of one lighting, take a height of {sides[0]} and a width of {sides[1]}'
    of_page = (height // rows, width // columns) == (100, 100)
    spec.problem(SHAPE if SHAPE in spec else HEIGHT,
        f'the lightings lay out to {height}×{width} (height×width), but {what}: '
        f'{advice}{OF_PAGE if of_page else ""}')
