"""A whole conversion: graph, backend files, and the scores of both side by side."""

import logging
import os
from pathlib import Path

import torch
from mmdeploy.apis import torch2onnx
from mmdeploy.apis.utils import build_task_processor, to_backend
from mmdeploy.utils import get_backend, get_ir_config, get_root_logger, load_config

from mmchangenet.export.onnx_export import TOLERANCE, ExportError

from .codebase import NAME
from .partition import partition_of
from .precision import precision_of


def convert(deploy_cfg, model_cfg, checkpoint, sample, test_sample=None, work_dir='.', device='cpu', log_level=logging.INFO,
            show=False):
    """Convert a trained network and try what came out.

    Args:
        deploy_cfg, model_cfg (str): config files.
        checkpoint (str): the trained weights.
        sample (str | Sequence[str]): a label CSV, whose first row is taken, or a pair of images.
        test_sample (str | Sequence[str], optional): another one to compare the scores on.
        work_dir (str): folder for all files.
        device (str): where PyTorch works; TensorRT needs 'cuda:0' or another GPU.
        log_level (int): logging's.
        show (bool): open the pictures of the sample.

    Returns:
        list[str]: the backend's files.

    Raises:
        ExportError: when graph or backend compute something else than PyTorch.
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
    _compare_scores(task, files, checkpoint, test_sample or sample, Path(work_dir), show, precision_of(deploy))
    return list(files)


def _compare_scores(task, files, checkpoint, sample, work_dir, show, precision):
    """Score the sample with the backend and with PyTorch.

    Raises:
        ExportError: when fp32 scores differ.
    """
    backend = get_backend(task.deploy_cfg).value
    scores = []
    for name, model in ((backend, task.build_backend_model(files)), ('pytorch', task.build_pytorch_model(str(checkpoint)))):
        data, _ = task.create_input(sample)
        with torch.no_grad():
            result = model.test_step(data)[0]
        task.visualize(sample, result, str(work_dir / f'output_{name}.jpg'), window_name=name, show_result=show)
        scores.append(result.score)
    difference = abs(scores[0] - scores[1]) / max(1, abs(scores[1]))
    if precision == 'fp32' and not difference <= TOLERANCE:
        raise ExportError(f'{backend} scores the sample {scores[0]:.6f} and PyTorch {scores[1]:.6f}: more than {TOLERANCE:g} '
                          'apart. The files are not to be used')
    get_root_logger().info(f'{NAME}: {backend} ({precision}) and PyTorch differ by {difference:.1e} on the sample')
