"""A folder with everything that a line needs to score: graphs and ``runtime.json``, written whole or not at all."""

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from mmchangenet.datasets.transforms import LayOutLightings, LoadLightings, PackChangeInputs, PairedResize
from mmchangenet.imaging import decode_image
from mmchangenet.labels.lightings import ordered_lightings
from mmchangenet.models.data_preprocessors import PairDataPreprocessor
from mmchangenet.registry import TRANSFORMS
from mmchangenet.runtime.settings import SETTINGS_FILE, RuntimeSettings, digest_of
from mmchangenet.version import __version__

from .onnx_export import ExportError, export_module
from .split import split_network

REPRODUCED = (LoadLightings, PairedResize, LayOutLightings, PackChangeInputs)


def export_folder(model, config, folder, opset=17):
    """Export a trained network.

    Args:
        model (SiameseClassifier): with weights, class names and margin, as ``load_for_scoring`` leaves it.
        config (dict): its config; ``test_dataloader`` says how images are prepared and which lightings there are.
        folder (str | Path): where to; must not exist or be empty.
        opset (int): version of ONNX's operators.

    Returns:
        dict[str, float]: graph → the largest difference of ONNX Runtime from PyTorch.

    Raises:
        ExportError: when the config's pipeline or normalisation is none that the runtime can reproduce, a network cannot be
            written, or it computes something else than PyTorch.
        FileExistsError: when there is something in ``folder``.
    """
    with written_whole(folder, settings_of(model, config, opset)) as partial:
        return _write_graphs(model, partial, opset)


@contextlib.contextmanager
def written_whole(folder, settings):
    """A folder for graphs that appears under its name, with ``runtime.json`` and all, when nothing went wrong.

    Args:
        folder (str | Path): its name; must not exist or be empty.
        settings (RuntimeSettings): without graphs.

    Yields:
        Path: the folder to write the graphs into.

    Raises:
        FileExistsError: when there is something in ``folder``.
    """
    folder = check_vacant(folder)
    partial = folder.with_name(f'.{folder.name}.{os.getpid()}.partial')
    partial.mkdir(parents=True)
    try:
        yield partial
        graphs = {file.name: digest_of(file) for file in sorted(partial.iterdir())}
        (partial / SETTINGS_FILE).write_text(replace(settings, graphs=graphs).to_json(), encoding='utf-8')
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_vacant(folder):
    """The absolute path of a folder that can be written.

    Raises:
        FileExistsError: when there is something in it.
    """
    folder = Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f'{folder} exists and is no empty folder: remove it or choose another')
    return folder


def settings_of(model, config, opset):
    """What ``runtime.json`` will say.

    Args: as :func:`export_folder` has them.

    Returns:
        RuntimeSettings: checked, without graphs.

    Raises:
        ExportError: when the runtime cannot reproduce how images are prepared.
    """
    dataset, steps = _test_dataset(config)
    preprocessor = model.data_preprocessor
    if type(preprocessor) is not PairDataPreprocessor:
        raise ExportError(f'data_preprocessor {type(preprocessor).__name__}: the runtime normalises as PairDataPreprocessor does')
    class_names = model.head.class_names
    if class_names is None:
        raise ExportError('the network does not know the names of its classes: set model.head.class_names')
    input_map = dataset.get('input_map')
    try:
        return RuntimeSettings(
            input_size=model.input_size, image_size=steps.resize.size, filter=steps.resize.filter, layout=steps.layout.layout,
            grid=steps.layout.grid, image_ext=dataset.get('image_ext', '.jpg'),
            lightings=ordered_lightings(input_map),
            mean=preprocessor.mean.flatten().tolist(), std=preprocessor.std.flatten().tolist(),
            threshold=float(model.head.margin), class_names=tuple(class_names), graphs={}, opset=opset,
            precision='fp32', version=__version__)
    except ValueError as error:
        raise ExportError(f'test_dataloader does not fit the network: {error}') from error


class _Steps(NamedTuple):
    resize: PairedResize
    layout: LayOutLightings


def _test_dataset(config):
    """The config's test dataset (dict) and the steps of its pipeline that matter here."""
    dataset = config['test_dataloader']['dataset']
    if str(dataset.get('type')).split('.')[-1] != 'LightingPairDataset':
        raise ExportError(f'test_dataloader.dataset is a {dataset.get("type")}: the runtime prepares images as a '
                          'LightingPairDataset does. Give it one with --cfg-options or in the config')
    if dataset.get('num_golden', 1) != 1:
        raise ExportError(f'num_golden {dataset["num_golden"]}: the runtime compares with one golden image a part')
    pipeline = dataset.get('pipeline') or config.get('test_pipeline') or []
    steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
    names = ' → '.join(type(step).__name__ for step in steps) or 'empty'
    if tuple(type(step) for step in steps) != REPRODUCED:
        wanted = ' → '.join(step.__name__ for step in REPRODUCED)
        raise ExportError(f'the test pipeline is {names}; the runtime can reproduce {wanted} and nothing else')
    load, resize, layout, _ = steps
    if load.decode is not decode_image:
        raise ExportError("LoadLightings(backend='pillow'): the runtime decodes with OpenCV. Use backend='cv2', whose pixels "
                          'are the same with a libjpeg of the same arithmetic')
    return dataset, _Steps(resize, layout)


@torch.no_grad()
def _write_graphs(model, folder, opset):
    encoder, golden_half, comparator = split_network(model)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 2, 3, *model.input_size), dtype=torch.uint8, generator=generator)
    compare, golden = map(encoder, images)
    names = [f'code_{number}' for number in range(len(compare))]
    settings = dict(dynamic_batch=True, opset=opset)
    differences = dict(encoder=export_module(encoder, folder / 'encoder.onnx', dict(images=images[0]), names, **settings))
    prepared = golden
    if golden_half:
        prepared = golden_half(*golden)
        differences['golden'] = export_module(
            golden_half, folder / 'golden.onnx', dict(zip(names, golden, strict=True)),
            [f'golden_{number}' for number in range(len(prepared))], **settings)
    sides = {f'compare_{number}': part for number, part in enumerate(compare)}
    sides.update({f'golden_{number}': part for number, part in enumerate(prepared)})
    outputs = ['score'] if isinstance(comparator(*sides.values()), torch.Tensor) else ['score', 'probabilities']
    differences['comparator'] = export_module(comparator, folder / 'comparator.onnx', sides, outputs, **settings)
    return differences
