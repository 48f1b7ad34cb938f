"""The int8 form of a folder that ``export_folder`` wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from mmchangenet.runtime.backends import OnnxRuntimeGraph
from mmchangenet.runtime.settings import RuntimeSettings

from .calibration import Sides
from .folder import written_whole
from .graph import inputs_of
from .quantisation import quantise, worth_quantising


def quantise_folder(source: str | Path, folder: str | Path, images: Iterable[Sides],
                    check: Callable[[Path], object] | None = None) -> dict[str, int]:
    """Write a folder whose graphs compute in int8, in ONNX Runtime's form. Codes between the graphs stay
    float32.

    Args:
        source: the exported folder in fp32.
        folder: where to; must not exist or be empty.
        images: uint8 images of compare and golden sides, (n, 3, H, W) each, that the ranges of activations
            are measured on.
        check: see ``written_whole``.

    Returns:
        graph → how many of its nodes are in int8. A graph without large products stays as it is.

    Raises:
        OutputError: when there is something in ``folder``, or it cannot be made.
        RuntimeFolderError: when ``source`` is incomplete or damaged.
        ValueError: when ``source`` is in int8 already, or its opset is below 13.
    """
    source, settings = Path(source), RuntimeSettings.read(source)
    if settings.precision != 'fp32':
        raise ValueError(f'{source} is in {settings.precision} already: give a folder in fp32')
    images, counts = list(images), {}
    with written_whole(folder, replace(settings, precision='int8'), check) as partial:
        for name in settings.graphs:
            counts[name] = 0
            if worth_quantising(onnx.load(source / name)):
                activations = _calibration(source, settings.graphs, name, images)
                counts[name] = len(quantise(source / name, partial / name, activations))
            else:
                shutil.copyfile(source / name, partial / name)
    return counts


def _calibration(source: Path, graphs: Iterable[str], name: str,
                 images: list[Sides]) -> Iterator[dict[str, NDArray[np.generic]]]:
    """What comes into a graph when the graphs before it take these images: a batch by input names."""
    encode = OnnxRuntimeGraph(source / 'encoder.onnx')
    prepare = OnnxRuntimeGraph(source / 'golden.onnx') if 'golden.onnx' in graphs else lambda *code: code
    inputs = {
        'encoder.onnx': ([side] for pair in images for side in pair),
        'golden.onnx': (encode(golden) for _, golden in images),
        'comparator.onnx': ([*encode(compare), *prepare(*encode(golden))] for compare, golden in images)
    }
    for arrays in inputs[name]:
        yield dict(zip(inputs_of(source / name), arrays, strict=True))
