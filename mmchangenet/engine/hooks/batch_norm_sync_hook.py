"""The same BatchNorm statistics on every process."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class BatchNormSyncHook(Hook):
    """Averages running means and variances over the processes after each training step.

    Each process normalises by its own batch, so their running statistics drift apart. DDP's
    ``broadcast_buffers`` would make them the first process's before each step, which throws the other
    processes' batches away and leaves them apart after the last step, when checkpoints are written. Averaged,
    they are what one process would have gathered from batches of the same size, and equal at any time. It
    costs one small all-reduce a step. ``ChangeRunner`` adds it when there are several processes; layers in
    eval mode and SyncBatchNorm are left alone.
    """

    priority = 'ABOVE_NORMAL'  # before EMAHook copies the buffers

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Average them."""
        statistics = [
            value for module in runner.model.modules()
            if isinstance(module, _BatchNorm) and module.training and not isinstance(module, SyncBatchNorm)
            for value in (module.running_mean, module.running_var) if value is not None
        ]
        if not statistics or get_world_size() == 1:
            return
        flat = torch.cat([value.flatten() for value in statistics])
        all_reduce(flat, op='mean')
        for value, mean in zip(statistics, flat.split([value.numel() for value in statistics]), strict=True):
            value.copy_(mean)
