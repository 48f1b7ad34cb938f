"""Int8 graphs: the large convolutions and matrix products in eight bits, everything else in floating
point.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from mmchangenet.files import replacing

FORMS = ('onnxruntime', 'tensorrt')
OPERATORS = ['Conv', 'MatMul', 'Gemm']


Batch = dict[str, NDArray[np.generic]]


def quantise(onnx_file: str | Path, out_file: str | Path, batches: Iterable[Batch], form: str = 'onnxruntime',
             keep_float: Collection[str] = ()) -> list[str]:
    """Write the int8 form of a graph.

    What is quantised: convolutions, except depthwise ones, which move more bytes than they compute; products
    with weights, but not those of two activations, as in attention; none with fewer than 32 input channels,
    such as the first convolution, where rounding costs the most and eight bits save the least.

    * ``onnxruntime``: U8S8, activations from their smallest to their largest value, weights a channel each in
      seven bits, because processors without VNNI add up pairs of products in sixteen. Matrix products give
      floating point, which saves rounding and time; convolutions give eight bits, because they have no other
      kernel.
    * ``tensorrt``: symmetric signed activations, weights a channel each in eight bits, biases in floating
        point.

    Args:
        onnx_file: a floating-point graph of opset 13 or higher.
        out_file: where to; replaced when it exists.
        batches: inputs by name that the ranges of activations are measured on.
        form: for whom.
        keep_float: names of more nodes that stay as they are.

    Returns:
        names of the quantised nodes.

    Raises:
        ValueError: when the form is unknown, the opset too low or there is nothing to quantise.
    """
    if form not in FORMS:
        raise ValueError(f'form {form!r} of int8: use one of {", ".join(FORMS)}')
    opset = next(entry.version for entry in onnx.load(onnx_file, load_external_data=False).opset_import
                 if not entry.domain)
    if opset < 13:
        raise ValueError(f'{onnx_file} has opset {opset}; a scale for each channel needs 13 or higher')
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantised = Path(folder, 'prepared.onnx'), Path(folder, 'int8.onnx')
        quant_pre_process(str(onnx_file), str(prepared), skip_symbolic_shape=True)
        nodes = [name for name in worth_quantising(onnx.load(prepared)) if name not in keep_float]
        if not nodes:
            raise ValueError(f'{onnx_file} has no convolution or product that is worth quantising')
        symmetric = form == 'tensorrt'
        logger = logging.getLogger()
        level = logger.level
        logger.setLevel(logging.ERROR)  # it recommends to preprocess, which has been done
        try:
            quantization.quantize_static(
                prepared,
                quantised,
                _Reader(batches),
                op_types_to_quantize=OPERATORS,
                nodes_to_quantize=nodes,
                per_channel=True,
                reduce_range=not symmetric,
                weight_type=quantization.QuantType.QInt8,
                activation_type=quantization.QuantType.QInt8 if symmetric else quantization.QuantType.QUInt8,
                extra_options=dict(
                    ActivationSymmetric=symmetric,
                    WeightSymmetric=True,
                    AddQDQPairToWeight=symmetric,
                    QuantizeBias=not symmetric,
                    MatMulConstBOnly=True,
                    OpTypesToExcludeOutputQuantization=[] if symmetric else ['MatMul', 'Gemm']))
        finally:
            logger.setLevel(level)
        with replacing(out_file) as stream:
            stream.write(quantised.read_bytes())
    return nodes


def worth_quantising(model: onnx.ModelProto, least_channels: int = 32) -> list[str]:
    """Names of the nodes of a graph that are quantised.

    Args:
        model: a graph whose nodes have names.
        least_channels: nodes that sum up fewer products stay in floating point.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    names = []
    for node in model.graph.node:
        weight = shapes.get(node.input[1]) if node.op_type in OPERATORS else None
        if weight is None:
            continue
        attributes = {
            attribute.name: onnx.helper.get_attribute_value(attribute)
            for attribute in node.attribute
        }
        summed = weight[1] if node.op_type == 'Conv' or attributes.get('transB') else weight[-2]
        if summed >= least_channels:
            names.append(node.name)
    return names


class _Reader(quantization.CalibrationDataReader):

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.batches = iter(batches)

    def get_next(self) -> Batch | None:
        return next(self.batches, None)


def to_half(onnx_file: str | Path, out_file: str | Path) -> None:
    """Write a graph that computes in fp16, with the inputs and outputs of the original.

    Args:
        onnx_file: a graph in fp32.
        out_file: where to; replaced when it exists.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel
    model = convert_float_to_float16(onnx.load(onnx_file), keep_io_types=True)
    OnnxModel.graph_topological_sort(model.graph)
    onnx.checker.check_model(model)
    with replacing(out_file) as stream:
        stream.write(model.SerializeToString())
