"""The margin that a spec names."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class EvalMarginHook(Hook):
    """Makes tests use this margin even when a threshold is stored in the checkpoint; ``--margin`` still wins.

    Args:
        margin: a pair with a greater score is a FAIL.
    """

    def __init__(self, margin: float) -> None:
        self.margin = margin

    def before_run(self, runner: Runner) -> None:
        """Hand it to the runner, which sets it once the weights are loaded."""
        if runner.margin is None:
            runner.margin = self.margin
