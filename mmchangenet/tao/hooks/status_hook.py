"""The epochs and figures of a run in ``status.json``."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS

from ..figures import TESTED, VALIDATED
from ..status import RUNNING, write_status


@HOOKS.register_module()
class StatusHook(Hook):
    """Appends a line after each epoch, validation and test to ``status.json`` in the work dir."""

    priority = 'LOW'  # figures are complete

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the clock."""
        self._start, self._losses = time.monotonic(), list[float]()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Mapping[str, Any] | None = None) -> None:
        """Keep the loss."""
        if outputs is not None and 'loss' in outputs:
            self._losses.append(float(torch.as_tensor(outputs['loss']).detach()))

    def after_train_epoch(self, runner: Runner) -> None:
        """Write how far the training is."""
        seconds, steps = time.monotonic() - self._start, max(1, len(runner.train_dataloader))
        left = (runner.max_epochs - runner.epoch - 1) * seconds
        loss = sum(self._losses) / len(self._losses) if self._losses else math.nan
        self._write(runner, f'Train metrics of epoch {runner.epoch}.', kpi=_finite(dict(train_loss=loss)),
                    epoch=runner.epoch, step=runner.iter, max_epoch=runner.max_epochs - 1,
                    max_step=runner.max_epochs * steps, time_per_epoch=str(timedelta(seconds=seconds)),
                    time_per_step=str(timedelta(seconds=seconds / steps)), eta=str(timedelta(seconds=left)))

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Write the figures of a validation."""
        self._write(runner, 'Validation metrics.', kpi=_named(metrics, VALIDATED))

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Write the figures of a test."""
        if kpi := _named(metrics, TESTED):
            self._write(runner, 'Test metrics.', kpi=kpi)

    @staticmethod
    def _write(runner: Runner, message: str, **more: Any) -> None:
        if is_main_process():
            write_status(runner.work_dir, RUNNING, message, **more)


def _named(metrics: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, float | None]:
    return _finite({name: metrics[ours] for name, ours in names.items() if metrics and ours in metrics})


def _finite(figures: Mapping[str, Any]) -> dict[str, float | None]:
    """JSON has no NaN: a figure that is undefined is null."""
    return {name: float(value) if value is not None and math.isfinite(value) else None
            for name, value in figures.items()}
