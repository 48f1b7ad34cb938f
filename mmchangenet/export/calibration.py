"""Rows of a label CSV as graphs take them: to measure activations on, and to score a whole graph."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from numpy.typing import NDArray

from mmchangenet.registry import DATASETS, MODELS
from mmchangenet.structures import ChangeDataSample

from .graph import inputs_of

Sides = tuple[NDArray[np.uint8], NDArray[np.uint8]]
SIDES = ('compare', 'golden')
AT_ONCE = 8  # rows, where a graph leaves it free


def calibration_batches(config: Config, onnx_file: str | Path,
                        samples: int = 128) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Rows of the training CSV, evenly spaced, prepared as for a test: batches by input names.

    Args:
        config: the network's.
        onnx_file: the whole graph that will take them.
        samples: how many rows.
    """
    dataset = training_rows(config)
    items = (dataset[int(row)] for row in spaced_rows(dataset, samples))
    for batch, _ in graph_batches(preprocessor_of(config), onnx_file, items):
        yield batch


def calibration_images(config: Config, samples: int = 128) -> Iterator[Sides]:
    """Rows of the training CSV as ``calibration_batches`` chooses them, for graphs that take images of one
    side.

    Yields:
        uint8 images of both sides, (n, 3, H, W) each; of several goldens per part, the first.
    """
    dataset = training_rows(config)
    rows = spaced_rows(dataset, samples)
    for start in range(0, len(rows), AT_ONCE):
        inputs = pseudo_collate([dataset[int(row)] for row in rows[start:start + AT_ONCE]])['inputs']
        golden = [image if image.dim() == 3 else image[0] for image in inputs['golden']]
        yield torch.stack(inputs['compare']).numpy(), torch.stack(golden).numpy()


def spaced_rows(dataset: BaseDataset, samples: int) -> NDArray[np.int_]:
    """Numbers of as many rows, or of all when there are fewer, evenly spaced."""
    return np.unique(np.linspace(0, len(dataset) - 1, min(samples, len(dataset))).astype(int))


def training_rows(config: Config) -> BaseDataset:
    """The training CSV with the test's way of preparing images."""
    train = config.train_dataloader.dataset
    while 'dataset' in train or 'datasets' in train:  # RepeatDataset, ConcatDataset
        train = train['dataset'] if 'dataset' in train else train['datasets'][0]
    settings = copy.deepcopy(dict(config.test_dataloader.dataset))
    own = {key: train[key] for key in ('ann_file', 'data_root', 'data_prefix') if key in train}
    settings.update(own, test_mode=True)
    return DATASETS.build(settings)


def preprocessor_of(config: Config) -> torch.nn.Module:
    """The data preprocessor of a config's network."""
    return MODELS.build(
        copy.deepcopy(config.model.get('data_preprocessor') or dict(type='PairDataPreprocessor')))


def graph_batches(preprocessor: torch.nn.Module, onnx_file: str | Path, items: Iterable[dict[str, Any]]
                  ) -> Iterator[tuple[dict[str, NDArray[np.generic]], list[ChangeDataSample]]]:
    """Pipeline items as a whole graph takes them.

    Yields:
        a batch by input names, and its samples. The last batch of a graph with a fixed batch size is filled
        up with repeats of its last row.
    """
    inputs = inputs_of(onnx_file)
    (size, *_), as_bytes = next(iter(inputs.values()))
    for chunk in _chunks(items, size or AT_ONCE):
        filled = chunk + chunk[-1:] * ((size or len(chunk)) - len(chunk))
        data = pseudo_collate(filled)
        if as_bytes:
            sides = [torch.stack(data['inputs'][side]) for side in SIDES]
        else:
            sides = [preprocessor(data)['inputs'][side] for side in SIDES]
        batch = {name: side.numpy() for name, side in zip(inputs, sides, strict=True)}
        yield batch, data['data_samples'][:len(chunk)]


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
