"""A training that is asked to end is saved first."""

from __future__ import annotations

import signal
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS

from ..interruption import TrainingInterrupted
from .safe_checkpoint_hook import SafeCheckpointHook


@HOOKS.register_module()
class InterruptHook(Hook):
    """Ends a training after Ctrl-C or SIGTERM, at the next iteration, with everything in a checkpoint.

    ``--resume`` goes on from there, inside the epoch, as if nothing had been. A second signal ends the
    process at once. During a validation the checkpoint is there already. ``ChangeRunner`` adds this hook by
    itself.

    Raises:
        TrainingInterrupted: with the checkpoint and how to go on.
    """

    priority = 'LOWEST'

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Save inside the epoch; at its end that is done anyway."""
        loop = runner.train_loop
        by_epoch = hasattr(loop, 'done_batches')
        steps = len(loop.dataloader) if by_epoch else None
        if by_epoch and batch_idx + 1 == steps:
            return
        if number := runner.interruption.came():
            meta = dict(epoch=runner.epoch, iter=runner.iter + 1, epoch_steps=steps)
            _stop(runner, number, _hook(runner).save_interrupted(runner, meta) if _hook(runner) else None)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save the epoch where its turn has not come."""
        hook = _hook(runner)
        if not (number := runner.interruption.came()) or not hasattr(runner.train_loop, 'done_batches'):
            return
        if hook is None or hook.by_epoch and hook.unvalidated == runner.epoch + 1:
            _stop(runner, number, hook and hook.last_ckpt)
        _stop(runner, number, hook.save_interrupted(
            runner, dict(epoch=runner.epoch + 1, iter=runner.iter, validated=False)))

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                       outputs: Any = None) -> None:
        """End a validation of a training whose state is on the disk."""
        hook = _hook(runner)
        if runner.training and hook is not None and hook.unvalidated is not None and (
                number := runner.interruption.came()):
            _stop(runner, number, hook.last_ckpt)


def _hook(runner: Runner) -> Any:
    return next((hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)), None)


def _stop(runner: Runner, number: int, path: str | None) -> None:
    saved = (f'Saved as {path}: --resume goes on from there' if path else
             'Nothing is saved: the config has no SafeCheckpointHook')
    raise TrainingInterrupted(f'stopped by {signal.Signals(number).name} in epoch {runner.epoch + 1}, after '
                              'iteration '
                              f'{runner.iter + 1}. {saved}', number)
