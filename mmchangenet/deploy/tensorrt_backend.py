"""TensorRT under mmdeploy's names; mmdeploy 1.3.1 goes up to 8."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmdeploy.backend.base import BACKEND_MANAGERS, BACKEND_WRAPPER, BaseWrapper
from mmdeploy.utils import Backend, get_common_config, get_root_logger
from mmdeploy.utils.timer import TimeCounter
from mmengine.config import Config

from mmchangenet.export.tensorrt import TensorRTEngine, TensorRTMissing, build_engine

with contextlib.suppress(
        Exception):  # theirs first: on a late import it would take our place; it may not fit TensorRT
    importlib.import_module('mmdeploy.backend.tensorrt')
TimeCounter.names.pop(Backend.TENSORRT.value, None)


@BACKEND_WRAPPER.register_module(Backend.TENSORRT.value, force=True)
class TRTWrapper(BaseWrapper):
    """A ``TensorRTEngine`` whose time mmdeploy can measure; its arguments."""

    def __init__(self, engine: str, output_names: Sequence[str] | None = None, device_id: int = 0) -> None:
        self.engine = TensorRTEngine(engine, output_names, device_id)
        super().__init__(self.engine.output_names)

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Input tensors by name → output tensors by name, on the GPU."""
        outputs = self.engine.prepare(inputs)
        self._run()
        return outputs

    @TimeCounter.count_time(Backend.TENSORRT.value)
    def _run(self) -> None:
        self.engine.run()


@BACKEND_MANAGERS.register(Backend.TENSORRT.value)
class TensorRTManager(BACKEND_MANAGERS.find(Backend.TENSORRT.value)):  # type: ignore[misc]
    """Builds engines and runs them."""

    @classmethod
    def build_wrapper(cls,
                      backend_files: Sequence[str],
                      device: str = 'cuda:0',
                      input_names: Sequence[str] | None = None,
                      output_names: Sequence[str] | None = None,
                      deploy_cfg: Config | None = None,
                      **kwargs: Any) -> TRTWrapper:
        """See ``TRTWrapper``."""
        return TRTWrapper(str(backend_files[0]), output_names, torch.device(device).index or 0)

    @classmethod
    def to_backend(cls,
                   ir_files: Sequence[str],
                   work_dir: str,
                   deploy_cfg: Config,
                   log_level: int = logging.INFO,
                   device: str = 'cuda:0',
                   **kwargs: Any) -> list[str]:
        """Build engines.

        Args:
            ir_files: ONNX files.
            work_dir: folder for the ``.engine`` files.
            deploy_cfg: ``backend_config.common_config`` has ``batch_sizes`` (smallest, usual, largest; for a
                free batch) and ``max_workspace_size`` (bytes).
            log_level: not used.
            device: the GPU.

        Returns:
            the ``.engine`` files.

        Raises:
            TensorRTMissing: when there is no TensorRT or no GPU; the ONNX files are ready.
        """
        if not cls.is_available() or not torch.cuda.is_available():
            lacking = 'a GPU' if cls.is_available() else 'TensorRT'
            ready = ', '.join(map(str, ir_files))
            raise TensorRTMissing(
                f'TensorRT was not run: this machine has no {lacking}. The checked ONNX is ready: {ready}. '
                'Run the same command where TensorRT is, or there: trtexec --stronglyTyped --onnx=FILE '
                '--saveEngine=FILE'
            )
        common, files = get_common_config(deploy_cfg), []
        for source in ir_files:
            target = Path(work_dir, Path(source).stem).with_suffix('.engine')
            build_engine(source, target, common.get('batch_sizes', (1, 4, 16)),
                         common.get('max_workspace_size', 0),
                         torch.device(device).index or 0)
            get_root_logger().info(f'{target} is written')
            files.append(str(target))
        return files
