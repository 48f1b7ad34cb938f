"""cuDNN's choice of algorithms."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class CudnnHook(Hook):
    """Sets whether cuDNN uses deterministic algorithms only; without effect on the CPU.

    MMEngine's ``randomness.deterministic`` goes further and forbids all of torch's nondeterministic
    operations, among them the gradient of bilinear resizing, which the learnable difference needs.

    Args:
        deterministic: whether it does.
    """

    def __init__(self, deterministic: bool) -> None:
        self.deterministic = deterministic

    def before_run(self, runner: Runner) -> None:
        """Set it."""
        torch.backends.cudnn.deterministic = self.deterministic
