"""cuDNN's choice of algorithms."""

import torch
from mmengine.hooks import Hook

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class CudnnHook(Hook):
    """Sets whether cuDNN uses deterministic algorithms only; without effect on the CPU.

    MMEngine's ``randomness.deterministic`` goes further and forbids all of torch's nondeterministic operations, among
    them the gradient of bilinear resizing, which the learnable difference needs.

    Args:
        deterministic (bool): whether it does.
    """

    def __init__(self, deterministic):
        self.deterministic = deterministic

    def before_run(self, runner):
        """Set it."""
        torch.backends.cudnn.deterministic = self.deterministic
