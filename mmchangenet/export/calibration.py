"""Rows of a label CSV as graphs take them: to measure activations on, and to see what int8 costs."""

import copy

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from mmchangenet.registry import DATASETS, MODELS

from .graph import inputs_of

SIDES = ('compare', 'golden')
AT_ONCE = 8  # rows, where a graph leaves it free


def calibration_batches(config, onnx_file, samples=128):
    """Rows of the training CSV, evenly spaced, prepared as for a test.

    Args:
        config (Config): the network's.
        onnx_file (str | Path): the whole graph that will take them.
        samples (int): how many rows.

    Yields:
        dict[str, np.ndarray]: a batch by input names.
    """
    dataset = training_rows(config)
    for batch, _ in batches(config, onnx_file, dataset, spaced_rows(dataset, samples)):
        yield batch


def calibration_images(config, samples=128):
    """Rows of the training CSV as ``calibration_batches`` chooses them, for graphs that take images of one side.

    Yields:
        tuple[np.ndarray, np.ndarray]: uint8 images of both sides, (n, 3, H, W) each.
    """
    dataset = training_rows(config)
    rows = spaced_rows(dataset, samples)
    for start in range(0, len(rows), AT_ONCE):
        data = pseudo_collate([dataset[int(row)] for row in rows[start:start + AT_ONCE]])
        yield tuple(torch.stack(data['inputs'][side]).numpy() for side in SIDES)


def spaced_rows(dataset, samples):
    """Numbers of as many rows, or of all when there are fewer, evenly spaced."""
    return np.unique(np.linspace(0, len(dataset) - 1, min(samples, len(dataset))).astype(int))


def training_rows(config):
    """The training CSV with the test's way of preparing images."""
    train = config.train_dataloader.dataset
    while 'dataset' in train or 'datasets' in train:  # RepeatDataset, ConcatDataset
        train = train['dataset'] if 'dataset' in train else train['datasets'][0]
    settings = copy.deepcopy(dict(config.test_dataloader.dataset))
    settings.update({key: train[key] for key in ('ann_file', 'data_root', 'data_prefix') if key in train}, test_mode=True)
    return DATASETS.build(settings)


def batches(config, onnx_file, dataset, rows):
    """Rows of a dataset as a graph takes them.

    Yields:
        tuple[dict[str, np.ndarray], list[ChangeDataSample]]: a batch by input names, and its samples. The last batch of a
        graph with a fixed batch size is filled up with repeats of its last row.
    """
    inputs = inputs_of(onnx_file)
    (size, *_), as_bytes = next(iter(inputs.values()))
    preprocessor = MODELS.build(copy.deepcopy(config.model.data_preprocessor))
    rows = list(rows)
    for start in range(0, len(rows), size or AT_ONCE):
        chunk = rows[start:start + (size or AT_ONCE)]
        filled = chunk + chunk[-1:] * ((size or len(chunk)) - len(chunk))
        data = pseudo_collate([dataset[int(row)] for row in filled])
        if as_bytes:
            sides = [torch.stack(data['inputs'][side]) for side in SIDES]
        else:
            sides = [preprocessor(data)['inputs'][side] for side in SIDES]
        yield {name: side.numpy() for name, side in zip(inputs, sides, strict=True)}, data['data_samples'][:len(chunk)]
