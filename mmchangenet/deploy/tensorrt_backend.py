"""TensorRT through its current API (10.12 and later, 11), under mmdeploy's names; mmdeploy 1.3.1 goes up to 8.

Networks are strongly typed: the graph says what is fp16 or int8, the builder has no flags for it. Not run on hardware by
this project; tests check that the names used here exist in the bindings and that graphs hold only what the parser takes.
"""

import contextlib
import importlib
import logging
from pathlib import Path

import torch
from mmdeploy.backend.base import BACKEND_MANAGERS, BACKEND_WRAPPER, BaseWrapper
from mmdeploy.utils import Backend, get_common_config, get_root_logger
from mmdeploy.utils.timer import TimeCounter

from mmchangenet.export.graph import inputs_of
from mmchangenet.files import replacing

with contextlib.suppress(Exception):  # theirs first: on a late import it would take our place; it may not fit TensorRT
    importlib.import_module('mmdeploy.backend.tensorrt')
TimeCounter.names.pop(Backend.TENSORRT.value, None)


class TensorRTMissing(RuntimeError):
    """The graph is ready, but this machine has no TensorRT to build an engine with."""


def build_engine(onnx_file, engine_file, batch_sizes=(1, 4, 16), max_workspace_size=0, device_id=0):
    """
    Args:
        onnx_file (str | Path): the graph; its types are the engine's.
        engine_file (str | Path): where to; replaced when it exists.
        batch_sizes (Sequence[int]): the smallest, the usual and the largest batch, for a graph that leaves it free.
        max_workspace_size (int): bytes; 0 for no limit.
        device_id (int): number of the GPU.

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


def _strongly_typed(trt):
    """The flag of 10.12; in 11 every network is strongly typed, and the flag may be gone."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED', None)
    return 0 if flag is None else 1 << int(flag)


@BACKEND_WRAPPER.register_module(Backend.TENSORRT.value, force=True)
class TRTWrapper(BaseWrapper):
    """Runs an engine.

    Args:
        engine (str): the ``.engine`` file.
        output_names (Sequence[str], optional): default: the engine's.
        device_id (int): number of the GPU.
    """

    def __init__(self, engine, output_names=None, device_id=0):
        import tensorrt as trt
        self.device = torch.device('cuda', device_id)
        self.types = {trt.float32: torch.float32, trt.float16: torch.float16, trt.int8: torch.int8, trt.uint8: torch.uint8}
        runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        self.engine = runtime.deserialize_cuda_engine(Path(engine).read_bytes())
        if self.engine is None:
            raise RuntimeError(f'{engine} was not built by TensorRT {trt.__version__} for this GPU: convert again here')
        self.context = self.engine.create_execution_context()
        names = [self.engine.get_tensor_name(number) for number in range(self.engine.num_io_tensors)]
        made = [name for name in names if self.engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]
        super().__init__(list(output_names or made))

    def forward(self, inputs):
        """dict of input tensors → dict of output tensors on the GPU."""
        held = {name: tensor.to(self.device).contiguous() for name, tensor in inputs.items()}
        for name, tensor in held.items():
            if not self.context.set_input_shape(name, tuple(tensor.shape)):
                raise ValueError(f'the engine does not take {name} of shape {tuple(tensor.shape)}: see batch_sizes in the '
                                 'deploy config that it was built with')
            self.context.set_tensor_address(name, tensor.data_ptr())
        outputs = {}
        for name in self.output_names:
            shape, kind = tuple(self.context.get_tensor_shape(name)), self.types[self.engine.get_tensor_dtype(name)]
            outputs[name] = torch.empty(shape, dtype=kind, device=self.device)
            self.context.set_tensor_address(name, outputs[name].data_ptr())
        self._run()
        return outputs

    @TimeCounter.count_time(Backend.TENSORRT.value)
    def _run(self):
        stream = torch.cuda.current_stream(self.device)
        if not self.context.execute_async_v3(stream.cuda_stream):
            raise RuntimeError('TensorRT could not run the engine; see its messages above')
        stream.synchronize()


@BACKEND_MANAGERS.register(Backend.TENSORRT.value)
class TensorRTManager(BACKEND_MANAGERS.find(Backend.TENSORRT.value)):
    """Builds engines and runs them."""

    @classmethod
    def build_wrapper(cls, backend_files, device='cuda:0', input_names=None, output_names=None, deploy_cfg=None, **kwargs):
        """See ``TRTWrapper``."""
        return TRTWrapper(str(backend_files[0]), output_names, torch.device(device).index or 0)

    @classmethod
    def to_backend(cls, ir_files, work_dir, deploy_cfg, log_level=logging.INFO, device='cuda:0', **kwargs):
        """
        Args:
            ir_files (Sequence[str]): ONNX files.
            work_dir (str): folder for the ``.engine`` files.
            deploy_cfg (Config): ``backend_config.common_config`` has ``batch_sizes`` (smallest, usual, largest; for a free
                batch) and ``max_workspace_size`` (bytes).
            device (str): the GPU.

        Returns:
            list[str]: the ``.engine`` files.

        Raises:
            TensorRTMissing: when there is no TensorRT or no GPU; the ONNX files are ready.
        """
        if not cls.is_available() or not torch.cuda.is_available():
            lacking = 'a GPU' if cls.is_available() else 'TensorRT'
            ready = ', '.join(map(str, ir_files))
            raise TensorRTMissing(
                f'TensorRT was not run: this machine has no {lacking}. The checked ONNX is ready: {ready}. '
                'Run the same command where TensorRT is, or there: trtexec --stronglyTyped --onnx=FILE --saveEngine=FILE')
        common, files = get_common_config(deploy_cfg), []
        for source in ir_files:
            target = Path(work_dir, Path(source).stem).with_suffix('.engine')
            build_engine(source, target, common.get('batch_sizes', (1, 4, 16)), common.get('max_workspace_size', 0),
                         torch.device(device).index or 0)
            get_root_logger().info(f'{target} is written')
            files.append(str(target))
        return files
