"""Makes mmdeploy know this project: name this module in ``codebase_config.module`` and in ``custom_imports``.

mmdeploy 1.3.1 is older than the exporters and runtimes of today. What it does in ways that are gone is
replaced here, on import, because its tools work in processes that import nothing else of ours:

* The steps torch2onnx, extract_model and to_backend are sent to ``pipelines``; other codebases' models go
    back to mmdeploy's.
* Its managers for OpenVINO and TensorRT are replaced by ``openvino_backend`` and ``tensorrt_backend``.
* Converting for TensorRT may start on the CPU: the graph needs no GPU, only the engine does.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from aenum import extend_enum
from mmdeploy.apis.core import PIPELINE_MANAGER
from mmdeploy.apis.utils import utils as api_utils
from mmdeploy.codebase.base import CODEBASE, MMCodebase
from mmdeploy.utils import Backend, Codebase, Task, get_backend, get_codebase
from mmengine.registry import Registry

from . import openvino_backend, tensorrt_backend  # noqa: F401  (register themselves)
from .names import NAME, TASK, TASKS
from .pipelines import extract_model, to_backend, torch2onnx  # noqa: F401  (mmdeploy runs them by name)

Registry(CODEBASE.name, parent=CODEBASE,
         scope=NAME)  # MMEngine looks here first, and warns when there is nothing


@CODEBASE.register_module(NAME)
class MMChangeNet(MMCodebase):
    """This project as mmdeploy sees it."""

    task_registry = TASKS

    @classmethod
    def register_deploy_modules(cls) -> None:
        """The task registers itself when it is imported."""
        importlib.import_module('mmchangenet.deploy.change_classification')

    @classmethod
    def register_all_modules(cls) -> None:
        """Components are found by their registries; the task registers itself when it is imported."""
        cls.register_deploy_modules()


def _extend(enumeration: Any, name: Any, value: Any) -> None:
    if value not in {member.value for member in enumeration}:
        extend_enum(enumeration, name, value)


def _send_to_pipelines(function: Any) -> None:
    """Let mmdeploy's pipeline manager run our function of that name, in spawned processes too."""
    caller = next(caller for name, caller in PIPELINE_MANAGER._callers.items()
                  if name.endswith(f'.{function}'))
    caller._module_name, caller._impl_name = __name__, function


def _check_backend_device(deploy_cfg: Any, device: Any) -> None:
    """mmdeploy's check, but our networks may be made ready for TensorRT without a GPU."""
    if get_backend(deploy_cfg) == Backend.TENSORRT and get_codebase(deploy_cfg).value == NAME:
        return
    _mmdeploys_check(deploy_cfg, device)


# mmdeploy imports this name and warns when it cannot
sys.modules.setdefault(f'mmdeploy.codebase.{NAME}.deploy', sys.modules[__name__])
_extend(Codebase, NAME.upper(), NAME)
_extend(Task, 'CHANGE_CLASSIFICATION', TASK)
for _function in ('torch2onnx', 'extract_model', 'to_backend'):
    _send_to_pipelines(_function)
_mmdeploys_check = api_utils.check_backend_device
api_utils.check_backend_device = _check_backend_device
