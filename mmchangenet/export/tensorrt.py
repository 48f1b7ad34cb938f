"""TensorRT engines through its current API (10.12 and later, 11).

Networks are strongly typed: the graph says what is fp16 or int8, the builder has no flags for it. Not run on
hardware by this project; tests check that the names used here exist in the bindings and that graphs hold only
what the parser takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mmchangenet.files import replacing

from .graph import inputs_of


class TensorRTMissing(RuntimeError):
    """The graph is ready, but this machine has no TensorRT to build an engine with."""


def build_engine(onnx_file: str | Path, engine_file: str | Path, batch_sizes: Sequence[int] = (1, 4, 16),
                 max_workspace_size: int = 0, device_id: int = 0) -> None:
    """Build an engine.

    Args:
        onnx_file: the graph; its types are the engine's.
        engine_file: where to; replaced when it exists.
        batch_sizes: the smallest, the usual and the largest batch, for a graph that leaves it free.
        max_workspace_size: bytes; 0 for no limit.
        device_id: number of the GPU.

    Raises:
        RuntimeError: with the parser's messages, or when no engine can be built.
    """
    import tensorrt as trt
    torch.cuda.set_device(device_id)
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(_strongly_typed(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(Path(onnx_file).read_bytes()):
        messages = '\n  '.join(str(parser.get_error(number)) for number in range(parser.num_errors))
        raise RuntimeError(f'TensorRT cannot read {onnx_file}:\n  {messages}')
    config = builder.create_builder_config()
    if max_workspace_size:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, max_workspace_size)
    profile = builder.create_optimization_profile()
    for name, (shape, _) in inputs_of(onnx_file).items():
        profile.set_shape(name, *([[size or batch for size in shape] for batch in batch_sizes]))
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise RuntimeError(f'TensorRT found no engine for {onnx_file}; see its messages above')
    with replacing(engine_file) as stream:
        stream.write(engine)


def _strongly_typed(trt: Any) -> int:
    """The flag of 10.12; in 11 every network is strongly typed, and the flag may be gone."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED', None)
    return 0 if flag is None else 1 << int(flag)


class TensorRTEngine:
    """Runs an engine: dict of input tensors → dict of output tensors on the GPU.

    Args:
        engine: the engine file.
        output_names: default: the engine's.
        device_id: number of the GPU.

    Raises:
        RuntimeError: when the engine is another version's or another GPU's.
    """

    def __init__(self,
                 engine: str | Path,
                 output_names: Sequence[str] | None = None,
                 device_id: int = 0) -> None:
        import tensorrt as trt
        self.device = torch.device('cuda', device_id)
        self.types = {
            trt.float32: torch.float32, trt.float16: torch.float16, trt.int8: torch.int8,
            trt.uint8: torch.uint8
        }
        runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        self.engine = runtime.deserialize_cuda_engine(Path(engine).read_bytes())
        if self.engine is None:
            raise RuntimeError(
                f'{engine} was not built by TensorRT {trt.__version__} for this GPU: convert again here')
        self.context = self.engine.create_execution_context()
        names = [self.engine.get_tensor_name(number) for number in range(self.engine.num_io_tensors)]
        made = [name for name in names if self.engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]
        self.output_names = list(output_names or made)

    def __call__(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """As the class says."""
        outputs = self.prepare(inputs)
        self.run()
        return outputs

    def prepare(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Set inputs and outputs; ``run`` computes them."""
        self._held = {name: tensor.to(self.device).contiguous() for name, tensor in inputs.items()}
        for name, tensor in self._held.items():
            if not self.context.set_input_shape(name, tuple(tensor.shape)):
                raise ValueError(
                    f'the engine does not take {name} of shape {tuple(tensor.shape)}: see batch_sizes in '
                    'the deploy config that it was built with')
            self.context.set_tensor_address(name, tensor.data_ptr())
        outputs = {}
        for name in self.output_names:
            shape, kind = self.context.get_tensor_shape(name), self.types[self.engine.get_tensor_dtype(name)]
            outputs[name] = torch.empty(tuple(shape), dtype=kind, device=self.device)
            self.context.set_tensor_address(name, outputs[name].data_ptr())
        return outputs

    def run(self) -> None:
        """Run the engine on what ``prepare`` has set."""
        stream = torch.cuda.current_stream(self.device)
        if not self.context.execute_async_v3(stream.cuda_stream):
            raise RuntimeError('TensorRT could not run the engine; see its messages above')
        stream.synchronize()
