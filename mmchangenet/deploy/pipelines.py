"""The steps of a conversion that mmdeploy's tools run, as this project does them."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmdeploy.apis import pytorch2onnx
from mmdeploy.apis import utils as api_utils
from mmdeploy.core import RewriterContext
from mmdeploy.utils import (
    IR,
    get_backend,
    get_codebase,
    get_dynamic_axes,
    get_input_shape,
    get_ir_config,
    get_root_logger,
    load_config,
)

from mmchangenet.export.check import check_weights, refuse_several_goldens
from mmchangenet.export.decision import write_decision
from mmchangenet.export.onnx_export import export_module, random_images

from .names import NAME
from .partition import part_of, partition_of, write_parts
from .precision import precision_of, reduce_precision
from .rewriters import REWRITERS


def torch2onnx(img: str | Sequence[Any], work_dir: str, save_file: str, deploy_cfg: Any, model_cfg: Any,
               model_checkpoint: str | None = None, device: str = 'cuda:0') -> None:
    """Write the ONNX graph of a trained network, or its parts, checked against PyTorch; the arguments are
    mmdeploy's.

    Args:
        img: a label CSV, whose first row is tried, or a pair of images.
        work_dir: folder for the graph.
        save_file: its name there; parts have names of their own.
        deploy_cfg, model_cfg: the configs.
        model_checkpoint: the trained weights.
        device: where PyTorch works.

    Raises:
        ExportError: when the graph cannot be written or computes something else.
        ValueError: when the deploy config asks for what cannot be.
    """
    deploy_cfg, model_cfg = load_config(deploy_cfg, model_cfg)
    if get_codebase(deploy_cfg).value != NAME:
        pytorch2onnx._pipe_torch2onnx__impl_(img, work_dir, save_file, deploy_cfg, model_cfg,
                                             model_checkpoint, device)
        return
    refuse_several_goldens(model_cfg)
    task = api_utils.build_task_processor(model_cfg, deploy_cfg, device)
    model = task.build_pytorch_model(model_checkpoint)
    check_weights(model)
    parts = partition_of(deploy_cfg)
    if parts:
        _export_parts(model, work_dir, deploy_cfg, model_cfg, task.graph_options, parts)
        return
    _, sides = task.create_input(img, get_input_shape(deploy_cfg), data_preprocessor=model.data_preprocessor)
    file = Path(work_dir, save_file)
    difference = _export(model, sides, file, deploy_cfg, task.graph_options)
    write_decision(model.head, file)
    get_root_logger().info(f'{file} is written; ONNX Runtime and PyTorch differ by {difference:.1e} at most')
    reduce_precision(file, deploy_cfg, model_cfg)


def extract_model(model: str, start_marker: str, end_marker: str, *args: Any, save_file: str | None = None,
                  **kwargs: Any) -> Any:
    """Put a part of a network under its name, or cut it out of another codebase's graph; the arguments are
    mmdeploy's.

    Args:
        model: name of the whole graph, beside which ``torch2onnx`` has written the parts.
        start_marker, end_marker: which part, see ``partition_cfg``.
        save_file: its name.

    Returns:
        another codebase's part; ours is not sent between processes, as nobody asks for it.
    """
    part = part_of(start_marker, end_marker)
    if part is None:
        theirs = importlib.import_module(
            'mmdeploy.apis.extract_model')  # the package's name of it is the function's
        return theirs._pipe_extract_model__impl_(model,
                                                 start_marker,
                                                 end_marker,
                                                 *args,
                                                 save_file=save_file,
                                                 **kwargs)
    written = Path(model).with_name(f'{part}.onnx')
    if save_file is not None and written != Path(save_file):
        shutil.copyfile(written, save_file)
    return None


def to_backend(*args: Any, **kwargs: Any) -> Any:
    """mmdeploy's step. That it is run from here makes a fresh process know our backends."""
    return api_utils.utils._pipe_to_backend__impl_(*args, **kwargs)


def _export(model: Any, sides: Any, file: Any, deploy_cfg: Any, graph_options: Any) -> Any:
    settings = get_ir_config(deploy_cfg)
    if settings.get('type', 'onnx') != 'onnx':
        raise ValueError(f"ir_config.type {settings['type']!r}: networks are converted through 'onnx'")
    if settings.get('keep_initializers_as_inputs'):
        raise ValueError(
            'keep_initializers_as_inputs=True would make every weight an input of the graph; set it to False')
    dynamic = _dynamic_batch(deploy_cfg)
    if dynamic:  # a second pair: sizes of 1 would become part of the graph
        extra = random_images(model, sides[0].shape, graph_options.get('normalise', False))
        sides = [torch.cat([side, extra]) for side in sides]
    backend = get_backend(deploy_cfg).value
    with RewriterContext(deploy_cfg, backend, IR.ONNX, rewriter_manager=REWRITERS):
        return export_module(model,
                             file,
                             dict(zip(settings['input_names'], sides, strict=True)),
                             settings['output_names'],
                             dynamic_batch=dynamic,
                             opset=settings.get('opset_version', 17),
                             overwrite=True)


def _export_parts(model: Any, work_dir: Any, deploy_cfg: Any, model_cfg: Any, graph_options: Any,
                  parts: Any) -> None:
    possible = graph_options == dict(output='score', normalise=True) and precision_of(deploy_cfg) == 'fp32'
    if not possible or not _dynamic_batch(deploy_cfg):
        raise ValueError(
            "partition_config: parts take uint8 images in batches of any size and give scores in fp32. Set "
            "codebase_config.graph to dict(output='score', normalise=True), start from a dynamic config, "
            "and leave "
            "the precision as it is; for int8 see tools/export_runtime.py")
    difference = write_parts(model, model_cfg, work_dir, parts,
                             get_ir_config(deploy_cfg).get('opset_version', 17))
    write_decision(model.head, Path(work_dir, parts[0]['save_file']))
    get_root_logger().info(
        f'{work_dir}: the parts are written; ONNX Runtime and PyTorch differ by {difference:.1e} at most')


def _dynamic_batch(deploy_cfg: Any) -> Any:
    axes = get_dynamic_axes(deploy_cfg) or {}
    free = {int(axis) for name in axes.values() for axis in name}
    if free - {0}:
        raise ValueError(
            f'dynamic_axes {axes}: only the batch, axis 0, can stay free; the layers depend on height and '
            'width'
        )
    return bool(free)
