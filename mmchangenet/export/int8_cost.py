"""What int8 costs: AUROC and false alarms at full recall on the test CSV, before and after."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from numpy.typing import NDArray

from mmchangenet.evaluation.inspection_figures import inspection_figures
from mmchangenet.evaluation.scored_rows import UNLABELLED, ScoredRows
from mmchangenet.files import check_new_folder, check_output, write_text
from mmchangenet.models import SiameseClassifier
from mmchangenet.registry import DATASETS, MODELS
from mmchangenet.runtime import ChangeRuntime
from mmchangenet.verdict import is_fail

from .calibration import calibration_batches, calibration_images
from .check import REDUCED, check_folder, graph_scores
from .decision import decision_file, read_decision
from .folder import export_folder
from .int8_folder import quantise_folder
from .quantisation import quantise

Scores = NDArray[np.float32]


def quantise_and_compare(model_cfg: str,
                         onnx_file: str,
                         out_file: str,
                         form: str = 'onnxruntime',
                         samples: int = 128,
                         keep_float: Collection[str] = (),
                         cfg_options: dict[str, Any] | None = None) -> tuple[dict[str, float], ...]:
    """Write the int8 form of a whole graph and print what it costs on the test data.

    Args:
        model_cfg: config file of the network.
        onnx_file, out_file: the fp32 graph, and where to write.
        form: ``onnxruntime`` or ``tensorrt``.
        samples: rows of the training CSV to calibrate on.
        keep_float: nodes that stay in floating point.
        cfg_options: replaces values of the config.

    Returns:
        the figures before and after.

    Raises:
        OutputError: when ``out_file`` cannot be written, or is the fp32 graph.
    """
    check_output(out_file, [onnx_file])
    config = Config.fromfile(model_cfg)
    config.merge_from_dict(cfg_options or {})
    init_default_scope(config.get('default_scope', 'mmchangenet'))
    dataset = DATASETS.build(config.test_dataloader.dataset)
    network = MODELS.build(copy.deepcopy(config.model))
    head, preprocessor = network.head, network.data_preprocessor
    decision = decision_file(onnx_file)
    if decision.exists():
        read_decision(head, onnx_file)
    nodes = quantise(onnx_file, out_file, calibration_batches(config, onnx_file, samples), form, keep_float)
    if decision.exists():
        write_text(decision.read_text(encoding='utf-8'), decision_file(out_file))
    print(f'{out_file}: {len(nodes)} nodes in int8, calibrated on {samples} rows of the training CSV')
    return show_figures(
        dataset, head.margin,
        dict(fp32=lambda rows: graph_scores(head, preprocessor, onnx_file, rows),
             int8=lambda rows: graph_scores(head, preprocessor, out_file, rows)))


def export_int8_and_compare(model: SiameseClassifier, config: Config, folder: str | Path, opset: int = 17,
                            samples: int = 128) -> dict[str, float]:
    """Write the int8 form of an exported folder and print what it costs on the test data.

    Args:
        model, config, folder, opset: as ``export_folder`` has them.
        samples: rows of the training CSV to calibrate on.

    Returns:
        as ``export_folder``, of the fp32 form; but ``end to end`` is that of the int8 form.

    Raises: as ``export_folder`` does.
    """
    check_new_folder(folder)
    dataset, shares = DATASETS.build(config.test_dataloader.dataset), []
    with tempfile.TemporaryDirectory() as place:
        original = Path(place, 'fp32')
        differences = export_folder(model, config, original, opset)
        counts = quantise_folder(
            original, folder, calibration_images(config, samples),
            lambda partial: shares.append(check_folder(model, config, partial, f'{folder} (int8)', REDUCED)))
        nodes = ', '.join(f'{count} of {name}' for name, count in counts.items())
        print(f'{folder}: nodes in int8: {nodes}; calibrated on {samples} rows of the training CSV')
        show_figures(dataset, model.head.margin, dict(fp32=lambda rows: folder_scores(original, rows),
                                                      int8=lambda rows: folder_scores(folder, rows)))
    return differences | {'end to end': shares[0]}


def show_figures(dataset: BaseDataset, margin: float, scorers: dict[str, Callable[[BaseDataset], Scores]]
                 ) -> tuple[dict[str, float], ...]:
    """Print AUROC and the false alarm rate at full recall that networks reach on a dataset.

    Args:
        dataset: rows with labels.
        margin: the threshold.
        scorers: name → function of the dataset that gives scores (n,), NaN for unreadable rows.

    Returns:
        all figures of ``InspectionMetric``, for each of them.
    """
    fails = np.array([dataset.get_data_info(row).get('gt_fail', UNLABELLED) for row in range(len(dataset))],
                     np.int8)
    print(f'{dataset.ann_file}, {len(dataset)} rows:')
    found = []
    for name, score in scorers.items():
        figures = figures_of(score(dataset), fails, margin)
        found.append(figures)
        print(f'  {name}: AUROC {figures.get("auroc", math.nan):.5f}, false alarms at full recall '
              f'{figures.get("false_alarm_rate_at_100_recall", math.nan):.2f} % of the PASS rows', flush=True)
    return tuple(found)


def figures_of(scores: Scores, fails: NDArray[np.int8], margin: float) -> dict[str, float]:
    """All figures of ``InspectionMetric`` from scores (n,) and labels (n,) as ``ScoredRows`` has them."""
    rows, unknown = np.arange(len(scores)), np.full(len(scores), np.nan)
    none = np.full(len(scores), -1, np.int32)
    table = ScoredRows(rows, rows, scores, fails, is_fail(scores, margin), unknown, unknown, none, none,
                       np.zeros(len(scores), bool))
    return inspection_figures(table, (1.0, ))


def folder_scores(folder: str | Path, dataset: BaseDataset) -> Scores:
    """Scores (n,) by an exported folder; NaN for unreadable rows."""
    rows = map(dataset.get_data_info, range(len(dataset)))
    results = ChangeRuntime(folder).iterate((row['compare_files'], row['golden_files']) for row in rows)
    return np.array([result.score for result in results], np.float32)
