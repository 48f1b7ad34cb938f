"""OpenVINO through its current API, under mmdeploy's names; mmdeploy 1.3.1 calls one that is gone."""

import importlib
import logging
from pathlib import Path

import numpy as np
import torch
from mmdeploy.backend.base import BACKEND_MANAGERS, BACKEND_WRAPPER, BaseWrapper
from mmdeploy.utils import Backend, get_backend_config, get_root_logger
from mmdeploy.utils.timer import TimeCounter

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
        ir_model_file (str): the ``.xml`` file, with its ``.bin`` beside it; or an ONNX file.
        output_names (Sequence[str], optional): default: the model's.
    """

    def __init__(self, ir_model_file, output_names=None):
        import openvino
        model = openvino.Core().read_model(ir_model_file)
        with signal_stack_kept():
            self.compiled = openvino.compile_model(model, 'CPU', dict(PERFORMANCE_HINT='LATENCY', INFERENCE_PRECISION_HINT='f32'))
        super().__init__(output_names or [output.any_name for output in self.compiled.outputs])

    def forward(self, inputs):
        """dict of input tensors → dict of output tensors."""
        outputs = self._run({name: np.ascontiguousarray(tensor.cpu().numpy()) for name, tensor in inputs.items()})
        return {name: torch.from_numpy(np.array(outputs[name])) for name in self.output_names}

    @TimeCounter.count_time(Backend.OPENVINO.value)
    def _run(self, inputs):
        return self.compiled(inputs)


@BACKEND_MANAGERS.register(Backend.OPENVINO.value)
class OpenVINOManager(BACKEND_MANAGERS.find(Backend.OPENVINO.value)):
    """Converts ONNX files and runs what came out."""

    @classmethod
    def build_wrapper(cls, backend_files, device='cpu', input_names=None, output_names=None, deploy_cfg=None, **kwargs):
        """See ``OpenVINOWrapper``."""
        return OpenVINOWrapper(str(backend_files[0]), output_names)

    @classmethod
    def get_version(cls):
        """The installed version."""
        import openvino
        return openvino.__version__

    @classmethod
    def to_backend(cls, ir_files, work_dir, deploy_cfg, log_level=logging.INFO, device='cpu', **kwargs):
        """
        Args:
            ir_files (Sequence[str]): ONNX files.
            work_dir (str): folder for the ``.xml`` and ``.bin`` files.
            deploy_cfg (Config): ``backend_config.compress_to_fp16`` stores the weights in half the bytes.

        Returns:
            list[str]: the ``.xml`` files.

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
                raise ExportError(f'OpenVINO and ONNX Runtime differ by {difference:.2g} on {source}, more than {TOLERANCE:g}')
            get_root_logger().info(f'{target} is written; OpenVINO and ONNX Runtime differ by {difference:.1e} at most')
            files.append(str(target))
        return files


def difference_from_onnx(wrapper, onnx_file):
    """The largest relative difference between a backend and ONNX Runtime on random inputs."""
    session, inputs = session_of(onnx_file), random_inputs(onnx_file)
    expected = session.run(None, inputs)
    names = [output.name for output in session.get_outputs()]
    outputs = wrapper({name: torch.from_numpy(array) for name, array in inputs.items()})
    return max(relative_difference(array, outputs[name].numpy()) for name, array in zip(names, expected, strict=True))

