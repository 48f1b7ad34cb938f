"""Rows of a label CSV as a graph takes them: to measure activations on, and to see what int8 costs."""

import copy
import math

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmchangenet.checkpoint import write_text
from mmchangenet.evaluation.inspection_figures import inspection_figures
from mmchangenet.evaluation.scored_rows import UNLABELLED, ScoredRows
from mmchangenet.registry import DATASETS, MODELS

from .decision import decision_file
from .graph import inputs_of, session_of
from .quantisation import quantise


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
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(samples, len(dataset))).astype(int))
    for batch, _ in batches(config, onnx_file, dataset, rows):
        yield batch


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
    for start in range(0, len(rows), size or 8):
        chunk = rows[start:start + (size or 8)]
        filled = chunk + chunk[-1:] * ((size or len(chunk)) - len(chunk))
        data = pseudo_collate([dataset[int(row)] for row in filled])
        if as_bytes:
            sides = [torch.stack(data['inputs'][side]) for side in ('compare', 'golden')]
        else:
            sides = [preprocessor(data)['inputs'][side] for side in ('compare', 'golden')]
        yield {name: side.numpy() for name, side in zip(inputs, sides, strict=True)}, data['data_samples'][:len(chunk)]


def graph_figures(config, onnx_file, dataset):
    """AUROC and the false alarm rate at full recall that a whole graph reaches on a dataset.

    Args:
        config (Config): the network's.
        onnx_file (str | Path): the graph.
        dataset (LightingPairDataset): rows with labels.

    Returns:
        tuple[dict[str, float], np.ndarray]: all figures of ``InspectionMetric``, and the scores (n,).
    """
    head = MODELS.build(copy.deepcopy(config.model)).head
    scores, fails = score_rows(head, config, onnx_file, dataset)
    rows, unknown = np.arange(len(scores)), np.full(len(scores), np.nan)
    none = np.full(len(scores), -1, np.int32)
    table = ScoredRows(rows, rows, scores, fails, scores > np.float32(head.margin), unknown, unknown, none, none,
                       np.zeros(len(scores), bool))
    return inspection_figures(table, (1.0, )), scores


def score_rows(head, config, onnx_file, dataset):
    """Scores (n,) float32 by a whole graph, NaN for unreadable rows, and labels (n,) int8 as ``ScoredRows`` has them."""
    session = session_of(onnx_file)
    scores, fails = [], []
    for batch, samples in batches(config, onnx_file, dataset, range(len(dataset))):
        output = torch.from_numpy(session.run(None, batch)[0][:len(samples)])
        found = (head.scores(output) if output.ndim == 2 else output).tolist()
        scores += [math.nan if 'error' in sample else score for sample, score in zip(samples, found, strict=True)]
        fails += [sample.get('gt_fail', UNLABELLED) for sample in samples]
    return np.array(scores, np.float32), np.array(fails, np.int8)


def quantise_and_compare(model_cfg, onnx_file, out_file, form='onnxruntime', samples=128, keep_float=(), cfg_options=None):
    """Write the int8 form of a whole graph and print what it costs on the test data.

    Args:
        model_cfg (str): config file of the network.
        onnx_file, out_file (str): the fp32 graph, and where to write.
        form (str): ``onnxruntime`` or ``tensorrt``.
        samples (int): rows of the training CSV to calibrate on.
        keep_float (Sequence[str]): nodes that stay in floating point.
        cfg_options (dict, optional): replaces values of the config.

    Returns:
        tuple[dict[str, float], dict[str, float]]: the figures before and after.
    """
    config = Config.fromfile(model_cfg)
    config.merge_from_dict(cfg_options or {})
    init_default_scope(config.get('default_scope', 'mmchangenet'))
    dataset = DATASETS.build(config.test_dataloader.dataset)
    nodes = quantise(onnx_file, out_file, calibration_batches(config, onnx_file, samples), form, keep_float)
    decision = decision_file(onnx_file)
    if decision.exists():
        write_text(decision.read_text(), decision_file(out_file))
    print(f'{out_file}: {len(nodes)} nodes in int8, calibrated on {samples} rows of the training CSV')
    print(f'{dataset.ann_file}, {len(dataset)} rows:')
    found = []
    for name, graph in (('fp32', onnx_file), ('int8', out_file)):
        figures, _ = graph_figures(config, graph, dataset)
        found.append(figures)
        print(f'  {name}: AUROC {figures.get("auroc", math.nan):.5f}, false alarms at full recall '
              f'{figures.get("false_alarm_rate_at_100_recall", math.nan):.2f} % of the PASS rows', flush=True)
    return tuple(found)
