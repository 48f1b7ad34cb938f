"""What a finished ONNX graph tells of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto


def inputs_of(onnx_file: str | Path) -> dict[str, tuple[list[int | None], bool]]:
    """The inputs of a graph by name: shape, None where it is free, and whether it takes uint8."""
    graph = onnx.load(onnx_file, load_external_data=False).graph
    kinds = {value.name: value.type.tensor_type for value in graph.input}
    return {
        name: ([dimension.dim_value or None
                for dimension in kind.shape.dim], kind.elem_type == TensorProto.UINT8)
        for name, kind in kinds.items()
    }


def random_inputs(onnx_file: str | Path, batch: int = 2) -> dict[str, NDArray[np.generic]]:
    """Random arrays for every input of a graph, always the same; ``batch`` rows where it leaves that free."""
    generator = np.random.default_rng(0)
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, (shape, as_bytes) in inputs_of(onnx_file).items():
        sizes = [size or batch for size in shape]
        arrays[name] = (generator.integers(0, 256, sizes, np.uint8) if as_bytes
                        else generator.standard_normal(sizes, np.float32))
    return arrays


def session_of(onnx_file: str | Path) -> onnxruntime.InferenceSession:
    """The graph in ONNX Runtime on the CPU."""
    return onnxruntime.InferenceSession(str(onnx_file), providers=['CPUExecutionProvider'])
