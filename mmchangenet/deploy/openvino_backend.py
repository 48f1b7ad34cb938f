"""OpenVINO through its current API, under mmdeploy's names; mmdeploy 1.3.1 calls one that is gone."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdeploy.backend.base import BACKEND_MANAGERS, BACKEND_WRAPPER, BaseWrapper
from mmdeploy.utils import Backend, get_backend_config, get_root_logger
from mmdeploy.utils.timer import TimeCounter
from torch import Tensor

from mmchangenet.export.graph import random_inputs, session_of
from mmchangenet.export.onnx_export import ExportError, relative_difference
from mmchangenet.runtime.signal_stack import signal_stack_kept

TOLERANCE = 1e-4

importlib.import_module('mmdeploy.backend.openvino')  # theirs first: on a late import it would take our place
TimeCounter.names.pop(Backend.OPENVINO.value, None)


@BACKEND_WRAPPER.register_module(Backend.OPENVINO.value, force=True)
class OpenVINOWrapper(BaseWrapper):
    """Runs an OpenVINO model on the CPU, in fp32.

    Args:
        ir_model_file: the ``.xml`` file, with its ``.bin`` beside it; or an ONNX file.
        output_names: default: the model's.
    """

    def __init__(self, ir_model_file: str, output_names: Sequence[str] | None = None) -> None:
        import openvino
        model = openvino.Core().read_model(ir_model_file)
        with signal_stack_kept():
            self.compiled = openvino.compile_model(
                model, 'CPU', dict(PERFORMANCE_HINT='LATENCY', INFERENCE_PRECISION_HINT='f32'))
        super().__init__(output_names or [output.any_name for output in self.compiled.outputs])

    def forward(self, inputs: Any) -> Tensor:
        """dict of input tensors → dict of output tensors."""
        outputs = self._run(
            {name: np.ascontiguousarray(tensor.cpu().numpy())
             for name, tensor in inputs.items()})
        return {name: torch.from_numpy(np.array(outputs[name])) for name in self.output_names}

    @TimeCounter.count_time(Backend.OPENVINO.value)
    def _run(self, inputs: Any) -> Any:
        return self.compiled(inputs)


@BACKEND_MANAGERS.register(Backend.OPENVINO.value)
class OpenVINOManager(BACKEND_MANAGERS.find(Backend.OPENVINO.value)):  # type: ignore[misc]
    """Converts ONNX files and runs what came out."""

    @classmethod
    def build_wrapper(cls, backend_files: Any, device: str = 'cpu', input_names: Any = None,
                      output_names: Any = None, deploy_cfg: Any = None, **kwargs: Any) -> Any:
        """See ``OpenVINOWrapper``."""
        return OpenVINOWrapper(str(backend_files[0]), output_names)

    @classmethod
    def get_version(cls) -> Any:
        """The installed version."""
        import openvino
        return openvino.__version__

    @classmethod
    def to_backend(cls, ir_files: Sequence[str], work_dir: str, deploy_cfg: Any,
                   log_level: Any = logging.INFO, device: str = 'cpu', **kwargs: Any) -> list[str]:
        """
        Args:
            ir_files: ONNX files.
            work_dir: folder for the ``.xml`` and ``.bin`` files.
            deploy_cfg: ``backend_config.compress_to_fp16`` stores the weights in half the bytes.

        Returns:
            the ``.xml`` files.

        Raises:
            ExportError: when OpenVINO computes something else than ONNX Runtime.
        """
        import openvino
        compress = get_backend_config(deploy_cfg).get('compress_to_fp16', False)
        files = []
        for source in map(str, ir_files):
            target = Path(work_dir, Path(source).stem).with_suffix('.xml')
            openvino.save_model(openvino.convert_model(source), target, compress_to_fp16=compress)
            difference = difference_from_onnx(OpenVINOWrapper(str(target)), source)
            if not compress and not difference <= TOLERANCE:
                raise ExportError(
                    f'OpenVINO and ONNX Runtime differ by {difference:.2g} on {source}, more than '
                    f'{TOLERANCE:g}'
                )
            get_root_logger().info(
                f'{target} is written; OpenVINO and ONNX Runtime differ by {difference:.1e} at most')
            files.append(str(target))
        return files


def difference_from_onnx(wrapper: Any, onnx_file: Any) -> Any:
    """The largest relative difference between a backend and ONNX Runtime on random inputs."""
    session, inputs = session_of(onnx_file), random_inputs(onnx_file)
    expected = session.run(None, inputs)
    names = [output.name for output in session.get_outputs()]
    outputs = wrapper({name: torch.from_numpy(array) for name, array in inputs.items()})
    return max(
        relative_difference(array, outputs[name].numpy())
        for name, array in zip(names, expected, strict=True))
