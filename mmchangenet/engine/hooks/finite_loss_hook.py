"""A loss that is no number ends the training before it spoils the weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.checkpoint import non_finite
from mmchangenet.registry import HOOKS

from ..optimizers import wrappers_of

SHOWN = 16  # rows of a message
ADVICE = ('Mostly the learning rate is too high or rises too fast: lower optim_wrapper.optimizer.lr, add a '
          'warm-up, or '
          'clip_grad=dict(max_norm=1.0) in optim_wrapper')


class NonFiniteError(ArithmeticError, ValueError):
    """Loss or weights of a training are no finite numbers any more."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Looks at each loss before the weights are changed by it, and at the weights before they are saved.

    So no checkpoint with NaN or infinities is written, and none of those before is replaced by one.
    ``ChangeRunner`` adds this hook by itself.

    Args:
        skip: go on with the next batch instead of ending the training; each one that is left out is a
            warning.

    Raises:
        NonFiniteError: with epoch, iteration, rows and loss.
    """

    priority = 'VERY_HIGH'

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self._batch: Any = None
        self._buffers: dict[str, torch.Tensor] = {}

    def before_train(self, runner: Runner) -> None:
        """Stand before each update of the weights."""
        for wrapper in wrappers_of(runner.optim_wrapper):
            wrapper.update_params = partial(self._update, runner, wrapper.update_params)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Remember the batch, for its rows, and what a forward pass changes: running means and variances."""
        self._batch = data_batch
        if self.skip:
            self._buffers = {name: value.clone() for name, value in runner.bare_model.named_buffers()}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep NaN out of checkpoints."""
        names = non_finite({
            key: checkpoint[key]
            for key in ('state_dict', 'ema_state_dict', 'optimizer')
            if key in checkpoint
        })
        if names:
            raise NonFiniteError(f'not saved after iteration {checkpoint["meta"]["iter"]}: values that are '
                                 'no finite numbers are in '
                                 f'{", ".join(names[:SHOWN])}. {_last_good(runner)}. {ADVICE}')

    def _update(self, runner: Runner, update: Any, loss: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        here = bool(torch.isfinite(loss.detach()).all())
        everywhere = torch.tensor(int(here))
        if get_world_size() > 1:
            all_reduce(everywhere, op='min')
        if everywhere:
            update(loss, *args, **kwargs)
            return
        place = f'epoch {runner.epoch + 1}, iteration {runner.iter + 1}'
        where = f'rows {self._rows()}' if here is False else 'rows of another process'
        told = f'the loss is {loss.detach().tolist()} at {place}, of {where}'
        if not self.skip:
            raise NonFiniteError(f'{told}. {_last_good(runner)}. {ADVICE}; '
                                 'custom_hooks=[dict(type="FiniteLossHook", '
                                 'skip=True)] leaves such batches out')
        for name, value in runner.bare_model.named_buffers():
            value.copy_(self._buffers[name])
        runner.logger.warning(f'left out: {told}')

    def _rows(self) -> str:
        samples = self._batch.get('data_samples') if isinstance(self._batch, dict) else None
        names = [
            f'{sample.get("sample_idx", "?")} ({sample.get("input_path", "no path")})'
            for sample in samples or ()
        ]
        more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
        return f'{", ".join(names[:SHOWN])}{more}' if names else 'unknown'


def _last_good(runner: Runner) -> str:
    note = Path(runner.work_dir, 'last_checkpoint')
    return f'The last good state is {note.read_text().strip()}' if note.is_file(
    ) else 'No checkpoint had been written yet'
