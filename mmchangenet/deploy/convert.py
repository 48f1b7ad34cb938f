"""A whole conversion: graph, backend files, and the scores of both side by side."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmdeploy.apis import torch2onnx
from mmdeploy.apis.utils import build_task_processor, to_backend
from mmdeploy.utils import Backend, get_backend, get_ir_config, get_root_logger, load_config

from mmchangenet.export.check import OPENVINO, TOLERANCES, check_end_to_end, network_scores
from mmchangenet.export.decision import decision_file
from mmchangenet.export.onnx_export import ExportError

from .change_classification import ChangeClassification
from .partition import partition_of
from .precision import fp32_file, precision_of


def convert(deploy_cfg: str, model_cfg: str, checkpoint: str, sample: str | Sequence[str],
            test_sample: str | Sequence[str] | None = None, work_dir: str | Path = '.', device: str = 'cpu',
            log_level: int = logging.INFO, show: bool = False) -> list[str]:
    """Convert a trained network, and compare what came out with it on rows of the config's test data.

    Args:
        deploy_cfg, model_cfg: config files.
        checkpoint: the trained weights.
        sample: a label CSV, whose first row is tried, or a pair of images.
        test_sample: another one to draw with the scores.
        work_dir: folder for all files.
        device: where PyTorch works; TensorRT needs 'cuda:0' or another GPU.
        log_level: logging's.
        show: open the pictures of the sample.

    Returns:
        the backend's files.

    Raises:
        ExportError: when graph or backend compute something else than PyTorch; their files are removed.
        TensorRTMissing: when the ONNX file is ready, but there is no TensorRT to go on with.
        ValueError: when the configs or the sample do not fit.
    """
    get_root_logger().setLevel(log_level)
    deploy, model = load_config(str(deploy_cfg), str(model_cfg))
    os.makedirs(work_dir, exist_ok=True)
    save_file = get_ir_config(deploy)['save_file']
    torch2onnx(sample, str(work_dir), save_file, deploy, model, str(checkpoint), device=device)
    parts = partition_of(deploy) or [dict(save_file=save_file)]
    graphs = [str(Path(work_dir, part['save_file'])) for part in parts]
    files = to_backend(get_backend(deploy).value, graphs, work_dir=str(work_dir), deploy_cfg=deploy,
                       log_level=log_level, device=device)
    task = build_task_processor(model, deploy, device)
    try:
        _compare_scores(task, files, checkpoint, test_sample or sample, Path(work_dir), show)
    except ExportError:
        for file in {*map(Path, (*files, *graphs)), fp32_file(graphs[0]), decision_file(graphs[0])}:
            file.unlink(missing_ok=True)
        raise
    return list(files)


def _compare_scores(task: ChangeClassification, files: Sequence[str], checkpoint: str, sample: Any,
                    work_dir: Path, show: bool) -> None:
    """Draw the sample with both scores, and score rows of the test data both ways."""
    backend, precision = get_backend(task.deploy_cfg), precision_of(task.deploy_cfg)
    converted, network = task.build_backend_model(files), task.build_pytorch_model(str(checkpoint))
    for name, model in ((backend.value, converted), ('pytorch', network)):
        data, _ = task.create_input(sample)
        with torch.no_grad():
            result = model.test_step(data)[0]
        task.visualize(sample,
                       result,
                       str(work_dir / f'output_{name}.jpg'),
                       window_name=name,
                       show_result=show)
    tolerance = OPENVINO if backend == Backend.OPENVINO else TOLERANCES[precision]
    check_end_to_end(network, task.model_cfg,
                     lambda rows: network_scores(converted, [row.item for row in rows], 1),
                     f'{backend.value} ({precision})', tolerance)
