"""Checkpoints that no kill can lose: the new one is on the disk before an old one is deleted."""

import os
from collections import deque

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from mmchangenet.checkpoint import newest_checkpoint
from mmchangenet.files import remove_partial_files, write_text
from mmchangenet.registry import HOOKS


class UnknownFigureError(ValueError):
    """The best checkpoint is to be chosen by a figure that the validation does not give."""


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook with another order of doing things.

    - A checkpoint is written, then noted in ``last_checkpoint``, then those beyond ``max_keep_ckpts`` are deleted. Its
      list of kept ones still has the latter, so that a resume deletes what a killed run did not come to.
    - A best checkpoint is written, then the one before it is deleted.
    - An epoch's checkpoint is written before its validation, marked ``validated=False`` in its meta, and again after it
      with what the validation changed: best score, history, the state of schedulers and early stopping.
    - Best and kept checkpoints of a work dir that was moved or copied are looked for where it is now.

    Arguments are MMEngine's; ``out_dir`` has to be a local folder.

    Raises:
        ValueError: when ``out_dir`` is not local.
        UnknownFigureError: when a figure of ``save_best`` is not among those of the first validation.
    """

    in_training = False

    def folder(self, runner):
        """Where the checkpoints of a run are."""
        if self.out_dir is None or self.out_dir == runner.work_dir:
            return runner.work_dir
        return os.path.join(self.out_dir, os.path.basename(runner.work_dir.rstrip(os.sep)))

    def name_of(self, step):
        """The file name of a checkpoint.

        Args:
            step (int): finished epochs or iterations.
        """
        return self.filename_tmpl.format(step)

    def newest(self, runner):
        """The path of the newest whole checkpoint to resume from; None when there is none."""
        return newest_checkpoint(self.folder(runner), self.filename_tmpl, os.path.join(runner.work_dir, 'last_checkpoint'))

    def before_train(self, runner):
        """Take up the bookkeeping of a resumed run and clean up after a killed one."""
        if '://' in str(self.out_dir):
            raise ValueError(f'out_dir {self.out_dir} of SafeCheckpointHook: checkpoints are written to local folders only')
        super().before_train(runner)
        os.makedirs(self.out_dir, exist_ok=True)
        if is_main_process():
            remove_partial_files(self.out_dir)
            remove_partial_files(runner.work_dir)
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = self._here(self.best_ckpt_path)
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {key: self._here(path) for key, path in self.best_ckpt_path_dict.items()}
        self.last_ckpt = self._here(runner.message_hub.get_info('last_ckpt'))
        # the step that is saved and not validated yet
        self.unvalidated = self._step(runner) if getattr(runner, 'validation_pending', False) else None
        self.in_training = True

    def after_val_epoch(self, runner, metrics):
        """Save the best so far."""
        if self.in_training:
            super().after_val_epoch(runner, metrics)

    def after_val(self, runner):
        """Save what the validation changed."""
        if self.in_training and self.unvalidated == self._step(runner):
            self._save_checkpoint_with_step(
                runner, self.unvalidated, dict(epoch=runner.epoch, iter=runner.iter, validated=True))
            self.unvalidated = None

    def after_train(self, runner):
        """Publish, as MMEngine does, when that is wanted."""
        super().after_train(runner)
        self.in_training = False

    def _here(self, path):
        here = path and os.path.join(self.out_dir, os.path.basename(path))
        return here if here and os.path.isfile(here) else None

    def _step(self, runner):
        """The number of the last finished epoch or iteration, between two of them."""
        return runner.epoch if self.by_epoch else runner.iter

    def _save_checkpoint(self, runner):
        step = (runner.epoch if self.by_epoch else runner.iter) + 1
        meta = dict(epoch=step, iter=runner.iter) if self.by_epoch else dict(epoch=runner.epoch, iter=step)
        self._save_checkpoint_with_step(runner, step, dict(meta, validated=False))
        self.unvalidated = step

    def _save_checkpoint_with_step(self, runner, step, meta):
        outdated = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            kept = [*self.keep_ckpt_ids, step]
            outdated = kept[:-self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        name = self.name_of(step)
        self.last_ckpt = os.path.join(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self._write(runner, name, meta, self.save_optimizer, self.save_param_scheduler, self.by_epoch)
        if is_main_process():
            write_text(self.last_ckpt, os.path.join(runner.work_dir, 'last_checkpoint'))
        for number in outdated:
            self._remove(self.name_of(number))
        if self.max_keep_ckpts > 0:
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_best_checkpoint(self, runner, metrics):
        if not self.save_best:
            return
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        improved = [self._save_if_best(runner, metrics, key, rule)
                    for key, rule in zip(self.key_indicators, self.rules, strict=True)]
        if any(improved) and self.last_ckpt:
            # MMEngine, too, saves a checkpoint to resume from with each new best, so that no resume goes back behind it
            self.unvalidated = self._step(runner)

    def _save_if_best(self, runner, metrics, key, rule):
        if key not in metrics:
            raise UnknownFigureError(f'save_best={key!r} of {type(self).__name__}: there is no such figure. '
                                     f'The validation gives {", ".join(metrics)}.')
        single = len(self.key_indicators) == 1
        score_key, path_key = ('best_score', 'best_ckpt') if single else (f'best_score_{key}', f'best_ckpt_{key}')
        hub, score = runner.message_hub, metrics[key]
        if score is None or not self.is_better_than[key](score, hub.get_info(score_key, self.init_value_map[rule])):
            return False
        previous = self.best_ckpt_path if single else self.best_ckpt_path_dict[key]
        name = f'best_{key}_{self.name_of(self._step(runner))}'.replace('/', '_')
        path = os.path.join(self.out_dir, name)
        hub.update_info(score_key, float(score))
        hub.update_info(path_key, path)
        if single:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path
        self._write(runner, name, dict(epoch=runner.epoch, iter=runner.iter), False, False, False)
        runner.logger.info(f'{name} is the best so far: {key} {score:.4f}')
        if previous and previous != path:
            self._remove(os.path.basename(previous))
        return True

    def _write(self, runner, name, meta, optimizer, param_scheduler, by_epoch):
        runner.save_checkpoint(
            self.out_dir, name, save_optimizer=optimizer, save_param_scheduler=param_scheduler, meta=meta, by_epoch=by_epoch,
            **self.args)

    def _remove(self, name):
        path = os.path.join(self.out_dir, name)
        if is_main_process() and os.path.isfile(path):
            os.remove(path)
