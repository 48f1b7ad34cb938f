"""A deploy config's precision, put into the graph itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from mmdeploy.utils import (
    Backend,
    get_backend,
    get_backend_config,
    get_precision,
    get_quantization_config,
    get_root_logger,
)
from mmengine.config import Config

from mmchangenet.export.calibration import calibration_batches
from mmchangenet.export.graph import random_inputs, session_of
from mmchangenet.export.quantisation import quantise, to_half


def precision_of(deploy_cfg: Config) -> str:
    """``fp32``, ``fp16`` or ``int8``: ``common_config.fp16_mode`` and ``int8_mode`` for TensorRT, as mmdeploy
    has them; ``backend_config.precision`` for the others.

    Raises:
        ValueError: when the backend does not go with it.
    """
    if get_backend(deploy_cfg) == Backend.TENSORRT:
        return get_precision(deploy_cfg).lower()
    precision = get_backend_config(deploy_cfg).get('precision', 'fp32')
    if precision not in ('fp32',
                         'int8') or precision == 'int8' and get_backend(deploy_cfg) != Backend.ONNXRUNTIME:
        raise ValueError(
            f'backend_config.precision {precision!r} does not go with {get_backend(deploy_cfg).value}: '
            "'fp32', and 'int8' for onnxruntime")
    return precision


def fp32_file(graph: str | Path) -> Path:
    """Where the fp32 form of a graph of reduced precision stays."""
    return Path(graph).with_name(f'{Path(graph).stem}-fp32.onnx')


def reduce_precision(file: Path, deploy_cfg: Config, model_cfg: Config) -> None:
    """Replace an fp32 graph by one of the precision that the deploy config asks for; the fp32 graph stays
    beside it as ``<name>-fp32.onnx``.

    Args:
        file: the graph.
        deploy_cfg: the deploy config; ``backend_config.quantization_config.samples`` is the number of rows of
            the training CSV that int8 is calibrated on.
        model_cfg: the network's config.
    """
    precision = precision_of(deploy_cfg)
    if precision == 'fp32':
        return
    original = fp32_file(file)
    shutil.copyfile(file, original)
    if precision == 'fp16':
        to_half(original, file)
    else:
        form = 'tensorrt' if get_backend(deploy_cfg) == Backend.TENSORRT else 'onnxruntime'
        samples = get_quantization_config(deploy_cfg).get('samples', 128)
        quantise(original, file, calibration_batches(model_cfg, original, samples), form)
    inputs = random_inputs(original)
    outputs = [session_of(graph).run(None, inputs)[0] for graph in (original, file)]
    get_root_logger().info(
        f'{file} is now {precision}: on random images its output differs from fp32 by '
        f'{np.abs(outputs[0] - outputs[1]).max():.2g}, where values reach {np.abs(outputs[0]).max():.2g}')
