"""What int8 costs: AUROC and false alarms at full recall on the test CSV, before and after."""

import copy
import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmchangenet.deploy.decision import decision_file
from mmchangenet.evaluation.inspection_figures import inspection_figures
from mmchangenet.evaluation.scored_rows import UNLABELLED, ScoredRows
from mmchangenet.files import write_text
from mmchangenet.registry import DATASETS, MODELS
from mmchangenet.runtime import ChangeRuntime

from .calibration import batches, calibration_batches, calibration_images
from .folder import check_vacant, export_folder
from .graph import session_of
from .int8_folder import quantise_folder
from .quantisation import quantise


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
    head = MODELS.build(copy.deepcopy(config.model)).head
    nodes = quantise(onnx_file, out_file, calibration_batches(config, onnx_file, samples), form, keep_float)
    decision = decision_file(onnx_file)
    if decision.exists():
        write_text(decision.read_text(), decision_file(out_file))
    print(f'{out_file}: {len(nodes)} nodes in int8, calibrated on {samples} rows of the training CSV')
    return show_figures(dataset, head.margin, dict(fp32=lambda rows: graph_scores(head, config, onnx_file, rows),
                                                   int8=lambda rows: graph_scores(head, config, out_file, rows)))


def export_int8_and_compare(model, config, folder, opset=17, samples=128):
    """Write the int8 form of an exported folder and print what it costs on the test data.

    Args:
        model (SiameseClassifier), config (Config), folder (str | Path), opset (int): as ``export_folder`` has them.
        samples (int): rows of the training CSV to calibrate on.

    Returns:
        dict[str, float]: graph → the largest difference of its fp32 form from PyTorch.

    Raises: as ``export_folder`` does.
    """
    check_vacant(folder)
    dataset = DATASETS.build(config.test_dataloader.dataset)
    with tempfile.TemporaryDirectory() as place:
        original = Path(place, 'fp32')
        differences = export_folder(model, config, original, opset)
        counts = quantise_folder(original, folder, calibration_images(config, samples))
        nodes = ', '.join(f'{count} of {name}' for name, count in counts.items())
        print(f'{folder}: nodes in int8: {nodes}; calibrated on {samples} rows of the training CSV')
        show_figures(dataset, model.head.margin, dict(fp32=lambda rows: folder_scores(original, rows),
                                                      int8=lambda rows: folder_scores(folder, rows)))
    return differences


def show_figures(dataset, margin, scorers):
    """Print AUROC and the false alarm rate at full recall that networks reach on a dataset.

    Args:
        dataset (LightingPairDataset): rows with labels.
        margin (float): scores above it are a FAIL.
        scorers (dict[str, Callable]): name → function of the dataset that gives scores (n,), NaN for unreadable rows.

    Returns:
        tuple[dict[str, float]]: all figures of ``InspectionMetric``, for each of them.
    """
    fails = np.array([dataset.get_data_info(row).get('gt_fail', UNLABELLED) for row in range(len(dataset))], np.int8)
    print(f'{dataset.ann_file}, {len(dataset)} rows:')
    found = []
    for name, score in scorers.items():
        figures = figures_of(score(dataset), fails, margin)
        found.append(figures)
        print(f'  {name}: AUROC {figures.get("auroc", math.nan):.5f}, false alarms at full recall '
              f'{figures.get("false_alarm_rate_at_100_recall", math.nan):.2f} % of the PASS rows', flush=True)
    return tuple(found)


def figures_of(scores, fails, margin):
    """All figures of ``InspectionMetric`` from scores (n,) and labels (n,) int8 as ``ScoredRows`` has them."""
    rows, unknown = np.arange(len(scores)), np.full(len(scores), np.nan)
    none = np.full(len(scores), -1, np.int32)
    table = ScoredRows(rows, rows, scores, fails, scores > np.float32(margin), unknown, unknown, none, none,
                       np.zeros(len(scores), bool))
    return inspection_figures(table, (1.0, ))


def graph_scores(head, config, onnx_file, dataset):
    """Scores (n,) float32 by a whole graph."""
    session = session_of(onnx_file)
    scores = []
    for batch, samples in batches(config, onnx_file, dataset, range(len(dataset))):
        output = torch.from_numpy(session.run(None, batch)[0][:len(samples)])
        found = (head.scores(output) if output.ndim == 2 else output).tolist()
        scores += [math.nan if 'error' in sample else score for sample, score in zip(samples, found, strict=True)]
    return np.array(scores, np.float32)


def folder_scores(folder, dataset):
    """Scores (n,) float32 by an exported folder."""
    rows = map(dataset.get_data_info, range(len(dataset)))
    results = ChangeRuntime(folder).iterate((row['compare_files'], row['golden_files']) for row in rows)
    return np.array([result.score for result in results], np.float32)
