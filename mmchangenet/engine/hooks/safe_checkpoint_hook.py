"""Checkpoints that no kill can lose: the new one is on the disk before an old one is deleted."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Mapping
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmchangenet.checkpoint import INTERRUPTED, newest_checkpoint
from mmchangenet.files import remove_partial_files, write_text
from mmchangenet.registry import HOOKS


class UnknownFigureError(ValueError):
    """The best checkpoint is to be chosen by a figure that the validation does not give."""


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook with another order of doing things.

    - A checkpoint is written, then noted in ``last_checkpoint``, then those beyond ``max_keep_ckpts`` are
      deleted. Its list of kept ones still has the latter, so that a resume deletes what a killed run did not
      come to.
    - A best checkpoint is written, then the one before it is deleted.
    - An epoch's checkpoint is written before its validation, marked ``validated=False`` in its meta, and
      again after it
      with what the validation changed: best score, history, the state of schedulers and early stopping.
    - Where a figure of ``save_best`` is undefined (no FAIL row in the validation data, say), the lowest loss
      of the validation chooses, under its own name; where there is none either, a warning says that there is
      no best one.
    - Of two checkpoints with the same figure the one with the lower loss is better, and without a loss the
      later one.
    - What ended in the middle (``InterruptHook``) is in ``interrupted.pth`` until the next checkpoint is
      written.
    - Best and kept checkpoints of a work dir that was moved or copied are looked for where it is now.

    Arguments are MMEngine's; ``out_dir`` has to be a local folder.

    Raises:
        ValueError: when ``out_dir`` is not local.
        UnknownFigureError: when a figure of ``save_best`` is not among those of the first validation.
    """

    in_training: bool = False
    best_ckpt_path: str | None
    best_ckpt_path_dict: dict[str, str | None]
    keep_ckpt_ids: deque[int]
    unvalidated: int | None = None  # the step that is saved and not validated yet

    def folder(self, runner: Runner) -> str:
        """Where the checkpoints of a run are."""
        if self.out_dir is None or self.out_dir == runner.work_dir:
            return str(runner.work_dir)
        return os.path.join(self.out_dir, os.path.basename(runner.work_dir.rstrip(os.sep)))

    def name_of(self, step: int) -> str:
        """The file name of a checkpoint.

        Args:
            step: finished epochs or iterations.
        """
        return str(self.filename_tmpl.format(step))

    def newest(self, runner: Runner) -> str | None:
        """The path of the newest whole checkpoint to resume from; None when there is none."""
        return newest_checkpoint(self.folder(runner), self.filename_tmpl,
                                 os.path.join(runner.work_dir, 'last_checkpoint'))

    def before_train(self, runner: Runner) -> None:
        """Take up the bookkeeping of a resumed run and clean up after a killed one."""
        if '://' in str(self.out_dir):
            raise ValueError(f'out_dir {self.out_dir} of SafeCheckpointHook: checkpoints are written to '
                             'local folders only')
        super().before_train(runner)
        os.makedirs(self.out_dir, exist_ok=True)
        if is_main_process():
            remove_partial_files(self.out_dir)
            remove_partial_files(runner.work_dir)
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = self._here(self.best_ckpt_path)
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {
                key: self._here(path)
                for key, path in self.best_ckpt_path_dict.items()
            }
        self.last_ckpt = self._here(runner.message_hub.get_info('last_ckpt'))
        self.unvalidated = self._step(runner) if getattr(runner, 'validation_pending', False) else None
        self.in_training = True

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Save the best so far."""
        if self.in_training:
            super().after_val_epoch(runner, metrics)

    def after_val(self, runner: Runner) -> None:
        """Save what the validation changed."""
        if self.in_training and self.unvalidated == self._step(runner):
            self._save_checkpoint_with_step(
                runner, self.unvalidated, dict(epoch=runner.epoch, iter=runner.iter, validated=True))
            self.unvalidated = None

    def after_train(self, runner: Runner) -> None:
        """Publish, as MMEngine does, when that is wanted."""
        super().after_train(runner)
        self.in_training = False

    def save_interrupted(self, runner: Runner, meta: dict[str, Any]) -> str:
        """Save a training in the middle of its work, with everything that it needs to go on.

        Returns:
            the file.
        """
        path = os.path.join(self.out_dir, INTERRUPTED)
        self._write(runner, INTERRUPTED, meta, True, True, False)
        self._point_to(runner, path)
        return path

    def _point_to(self, runner: Runner, path: str) -> None:
        if is_main_process():
            write_text(path, os.path.join(runner.work_dir, 'last_checkpoint'))

    def _here(self, path: str | None) -> str | None:
        here = path and os.path.join(self.out_dir, os.path.basename(path))
        return here if here and os.path.isfile(here) else None

    def _step(self, runner: Runner) -> int:
        """The number of the last finished epoch or iteration, between two of them."""
        return int(runner.epoch if self.by_epoch else runner.iter)

    def _save_checkpoint(self, runner: Runner) -> None:
        step = (runner.epoch if self.by_epoch else runner.iter) + 1
        meta = dict(epoch=step, iter=runner.iter) if self.by_epoch else dict(epoch=runner.epoch, iter=step)
        self._save_checkpoint_with_step(runner, step, dict(meta, validated=False))
        self.unvalidated = step

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        outdated: list[int] = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            kept = [*self.keep_ckpt_ids, step]
            outdated = kept[:-self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        name = self.name_of(step)
        self.last_ckpt = os.path.join(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self._write(runner, name, meta, self.save_optimizer, self.save_param_scheduler, self.by_epoch)
        self._point_to(runner, self.last_ckpt)
        self._remove(INTERRUPTED)
        for number in outdated:
            self._remove(self.name_of(number))
        if self.max_keep_ckpts > 0:
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_best_checkpoint(self, runner: Runner, metrics: Mapping[str, Any]) -> None:
        if not self.save_best:
            return
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        improved = [self._save_if_best(runner, metrics, key, rule)
                    for key, rule in zip(self.key_indicators, self.rules, strict=True)]
        if any(improved) and self.last_ckpt:
            # MMEngine, too, saves a checkpoint to resume from with each new best, so that no resume goes back
            # behind it
            self.unvalidated = self._step(runner)

    def _save_if_best(self, runner: Runner, metrics: Mapping[str, Any], key: str, rule: str) -> bool:
        if key not in metrics:
            raise UnknownFigureError(f'save_best={key!r} of {type(self).__name__}: there is no such figure. '
                                     f'The validation gives {", ".join(metrics)}.')
        single = len(self.key_indicators) == 1
        score_key, path_key = ('best_score', 'best_ckpt') if single else (f'best_score_{key}',
                                                                          f'best_ckpt_{key}')
        hub, figure, loss = runner.message_hub, key, _loss_of(metrics)
        if not _is_number(metrics[key]):
            if hub.get_info(score_key) is not None and not hub.get_info(f'{score_key}_by_loss'):
                return False  # it was defined before: losses and figures do not compare
            self._tell_of_undefined(runner, key, loss)
            if loss is None:
                return False
            figure, rule = loss, 'less'
        elif hub.get_info(f'{score_key}_by_loss'):
            hub.update_info(score_key, self.init_value_map[rule])  # any figure is better than none
        score, before = float(metrics[figure]), hub.get_info(score_key)
        loss_value = float(metrics[loss]) if loss is not None else -math.inf
        if before is not None and not self.rule_map[rule](score, before) and not (
                score == before and loss_value <= hub.get_info(f'{score_key}_loss', math.inf)):
            return False
        self._save_best_as(runner, figure, key, score, path_key)
        hub.update_info(score_key, score)
        hub.update_info(f'{score_key}_loss', loss_value)
        hub.update_info(f'{score_key}_by_loss', figure != key)
        return True

    def _save_best_as(self, runner: Runner, figure: str, key: str, score: float, path_key: str) -> None:
        single = len(self.key_indicators) == 1
        previous = self.best_ckpt_path if single else self.best_ckpt_path_dict[key]
        name = f'best_{figure}_{self.name_of(self._step(runner))}'.replace('/', '_')
        path = os.path.join(self.out_dir, name)
        runner.message_hub.update_info(path_key, path)
        if single:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path
        self._write(runner, name, dict(epoch=runner.epoch, iter=runner.iter), False, False, False)
        runner.logger.info(f'{name} is the best so far: {figure} {score:.4f}')
        if previous and previous != path:
            self._remove(os.path.basename(previous))

    def _tell_of_undefined(self, runner: Runner, key: str, loss: str | None) -> None:
        if runner.message_hub.get_info(f'told_of_undefined_{key}'):
            return
        runner.message_hub.update_info(f'told_of_undefined_{key}', True)
        instead = (f'the best checkpoint is the one with the lowest {loss}' if loss else
                   'there will be no best checkpoint: choose one of the numbered ones')
        runner.logger.warning(f'{key} is undefined on the validation data (for AUROC it needs PASS and FAIL '
                              f'rows): {instead}')

    def _write(self, runner: Runner, name: str, meta: dict[str, Any], optimizer: bool, param_scheduler: bool,
               by_epoch: bool) -> None:
        runner.save_checkpoint(self.out_dir, name, save_optimizer=optimizer,
                               save_param_scheduler=param_scheduler, meta=meta, by_epoch=by_epoch,
                               **self.args)

    def _remove(self, name: str) -> None:
        path = os.path.join(self.out_dir, name)
        if is_main_process() and os.path.isfile(path):
            os.remove(path)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _loss_of(metrics: Mapping[str, Any]) -> str | None:
    """The name of the validation's loss, if it gives one that is a number."""
    return next((key for key, value in metrics.items()
                 if key.rpartition('/')[2] in ('val_loss', 'loss') and _is_number(value)), None)
