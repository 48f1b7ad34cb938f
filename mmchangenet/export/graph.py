"""What a finished ONNX graph tells of itself."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto


def inputs_of(onnx_file):
    """The inputs of a graph.

    Returns:
        dict[str, tuple[list[int | None], bool]]: name → shape, None where it is free, and whether it takes uint8.
    """
    graph = onnx.load(onnx_file, load_external_data=False).graph
    kinds = {value.name: value.type.tensor_type for value in graph.input}
    return {name: ([dimension.dim_value or None for dimension in kind.shape.dim], kind.elem_type == TensorProto.UINT8)
            for name, kind in kinds.items()}


def random_inputs(onnx_file, batch=2):
    """Random arrays for every input of a graph, always the same; ``batch`` rows where it leaves that free."""
    generator = np.random.default_rng(0)
    arrays = {}
    for name, (shape, as_bytes) in inputs_of(onnx_file).items():
        shape = [size or batch for size in shape]
        arrays[name] = generator.integers(0, 256, shape, np.uint8) if as_bytes else generator.standard_normal(shape, np.float32)
    return arrays


def session_of(onnx_file):
    """The graph in ONNX Runtime on the CPU."""
    return onnxruntime.InferenceSession(str(onnx_file), providers=['CPUExecutionProvider'])
