"""A folder with everything that a line needs to score: graphs and ``runtime.json``, written whole or not at
all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config

from mmchangenet.datasets.transforms import LayOutLightings, LoadLightings, PackChangeInputs, PairedResize
from mmchangenet.files import new_folder
from mmchangenet.imaging import decode_image
from mmchangenet.labels.lightings import ordered_lightings
from mmchangenet.models import SiameseClassifier
from mmchangenet.models.data_preprocessors import PairDataPreprocessor
from mmchangenet.registry import TRANSFORMS
from mmchangenet.runtime.settings import SETTINGS_FILE, RuntimeSettings, digest_of
from mmchangenet.version import __version__

from .check import check_folder, check_weights
from .onnx_export import ExportError, export_module
from .split import SplitNetwork, split_network

REPRODUCED = (LoadLightings, PairedResize, LayOutLightings, PackChangeInputs)


def export_folder(model: SiameseClassifier,
                  config: Config,
                  folder: str | Path,
                  opset: int = 17) -> dict[str, float]:
    """Export a trained network.

    Args:
        model: with weights, class names and margin, as ``load_for_scoring`` leaves it.
        config: its config; ``test_dataloader`` says how images are prepared and which lightings there are,
            and rows of its data are scored both ways before the folder appears.
        folder: where to; must not exist or be empty.
        opset: version of ONNX's operators.

    Returns:
        graph → the largest difference of ONNX Runtime from PyTorch; ``end to end`` → the largest difference
        of scores, as a share of their range.

    Raises:
        ExportError: when the config's pipeline or normalisation is none that the runtime can reproduce,
            weights are not finite, a network cannot be written, or it scores otherwise than the network.
        OutputError: when there is something in ``folder``, or it cannot be made.
    """
    check_weights(model)
    settings = settings_of(model, config, opset)
    try:
        parts = split_network(model)
    except (TypeError, RuntimeError) as error:
        raise ExportError(f'the network cannot be parted into encoder and comparator: {error}') from error
    shares: list[float] = []
    with written_whole(
            folder, settings,
            lambda partial: shares.append(check_folder(model, config, partial, str(folder)))) as partial:
        differences = _write_graphs(parts, settings.input_size, partial, opset)
    return differences | {'end to end': shares[0]}


@contextlib.contextmanager
def written_whole(folder: str | Path, settings: RuntimeSettings,
                  check: Callable[[Path], object] | None = None) -> Iterator[Path]:
    """A folder for graphs that appears under its name, with ``runtime.json`` and all, when nothing went
    wrong.

    Args:
        folder: its name; must not exist or be empty.
        settings: without graphs.
        check: called with the complete folder before it gets its name; what it raises keeps the folder from
            appearing.

    Yields:
        the folder to write the graphs into.

    Raises:
        OutputError: when there is something in ``folder``, or it cannot be made.
    """
    with new_folder(folder) as partial:
        yield partial
        graphs = {file.name: digest_of(file) for file in sorted(partial.iterdir())}
        (partial / SETTINGS_FILE).write_text(replace(settings, graphs=graphs).to_json(), encoding='utf-8')
        if check:
            check(partial)


def settings_of(model: SiameseClassifier, config: Config, opset: int) -> RuntimeSettings:
    """What ``runtime.json`` will say.

    Args: as :func:`export_folder` has them.

    Returns:
        the settings, checked, without graphs.

    Raises:
        ExportError: when the runtime cannot reproduce how images are prepared.
    """
    dataset, steps = _test_dataset(config)
    preprocessor = model.data_preprocessor
    if type(preprocessor) is not PairDataPreprocessor:
        raise ExportError(f'data_preprocessor {type(preprocessor).__name__}: the runtime normalises as '
                          'PairDataPreprocessor does')
    class_names = model.head.class_names
    if class_names is None:
        raise ExportError('the network does not know the names of its classes: set model.head.class_names')
    input_map = dataset.get('input_map')
    try:
        return RuntimeSettings(input_size=(model.input_size[0], model.input_size[1]),
                               image_size=steps.resize.size,
                               filter=steps.resize.filter,
                               layout=steps.layout.layout,
                               grid=steps.layout.grid,
                               image_ext=dataset.get('image_ext', '.jpg'),
                               lightings=ordered_lightings(input_map),
                               mean=preprocessor.mean.flatten().tolist(),
                               std=preprocessor.std.flatten().tolist(),
                               threshold=float(model.head.margin),
                               class_names=tuple(class_names),
                               graphs={},
                               opset=opset,
                               precision='fp32',
                               version=__version__,
                               num_golden=dataset.get('num_golden', 1))
    except ValueError as error:
        raise ExportError(f'test_dataloader does not fit the network: {error}') from error


class _Steps(NamedTuple):
    resize: PairedResize
    layout: LayOutLightings


def _test_dataset(config: Config) -> tuple[dict[str, Any], _Steps]:
    """The config's test dataset (dict) and the steps of its pipeline that matter here."""
    dataset = config['test_dataloader']['dataset']
    if str(dataset.get('type')).split('.')[-1] != 'LightingPairDataset':
        raise ExportError(
            f'test_dataloader.dataset is a {dataset.get("type")}: the runtime prepares images as a '
            'LightingPairDataset does. Give it one with --cfg-options or in the config')
    pipeline = dataset.get('pipeline') or config.get('test_pipeline') or []
    steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
    names = ' → '.join(type(step).__name__ for step in steps) or 'empty'
    if tuple(type(step) for step in steps) != REPRODUCED:
        wanted = ' → '.join(step.__name__ for step in REPRODUCED)
        raise ExportError(
            f'the test pipeline is {names}; the runtime can reproduce {wanted} and nothing else')
    load, resize, layout, _ = steps
    if load.decode is not decode_image:
        raise ExportError(
            "LoadLightings(backend='pillow'): the runtime decodes with OpenCV. Use backend='cv2', whose "
            "pixels "
            'are the same with a libjpeg of the same arithmetic')
    return dataset, _Steps(resize, layout)


@torch.no_grad()
def _write_graphs(parts: SplitNetwork, input_size: tuple[int, ...], folder: Path,
                  opset: int) -> dict[str, float]:
    encoder, golden_half, comparator = parts
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 2, 3, *input_size), dtype=torch.uint8, generator=generator)
    compare, golden = map(encoder, images)
    names = [f'code_{number}' for number in range(len(compare))]

    def write(part: torch.nn.Module, name: str, inputs: dict[str, torch.Tensor], outputs: list[str]) -> float:
        return export_module(part, folder / f'{name}.onnx', inputs, outputs, dynamic_batch=True, opset=opset)

    differences = dict(encoder=write(encoder, 'encoder', dict(images=images[0]), names))
    prepared = golden
    if golden_half:
        prepared = golden_half(*golden)
        differences['golden'] = write(golden_half, 'golden', dict(zip(names, golden, strict=True)),
                                      [f'golden_{number}' for number in range(len(prepared))])
    sides = {f'compare_{number}': part for number, part in enumerate(compare)}
    sides.update({f'golden_{number}': part for number, part in enumerate(prepared)})
    outputs = ['score'] if isinstance(comparator(
        *sides.values()), torch.Tensor) else ['score', 'probabilities']
    differences['comparator'] = write(comparator, 'comparator', sides, outputs)
    return differences
