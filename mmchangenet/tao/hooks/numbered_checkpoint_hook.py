"""Checkpoints under the toolkit's names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmchangenet.checkpoint import CheckpointError, newest_checkpoint, read_checkpoint
from mmchangenet.engine import SafeCheckpointHook
from mmchangenet.files import replacing
from mmchangenet.registry import HOOKS

LATEST = 'changenet_model_classify_latest.pth'
OLDER = 'changenet_classify.pth'  # what specs of earlier releases evaluate
NUMBERED, WITH_STEP = 'model_epoch_{}.pth', 'model_epoch_{}_step_{}.pth'


@HOOKS.register_module()
class NumberedCheckpointHook(SafeCheckpointHook):
    """SafeCheckpointHook that writes ``model_epoch_000.pth`` after the first epoch, ``001`` after the second,
    and so on.

    The newest is also ``changenet_model_classify_latest.pth``, and ``changenet_classify.pth`` as earlier
    releases called it. A training resumes when the former is there; take it away to start anew. When it is
    damaged, or a run was killed before it was renewed, the newest whole numbered or interrupted one takes its
    place.

    Args:
        with_step: name them ``model_epoch_000_step_00012.pth``, as releases since 7 do.
        more: SafeCheckpointHook's, without ``filename_tmpl``.

    Raises:
        ValueError: when a resumed training has finished more epochs than it is to have.
    """

    def __init__(self, with_step: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.with_step, self._steps = with_step, 0

    def name_of(self, step: int) -> str:
        """``model_epoch_<finished epochs - 1>.pth``, or with the steps done."""
        epoch = f'{step - 1:03d}'
        return WITH_STEP.format(epoch,
                                f'{step * self._steps:05d}') if self.with_step else NUMBERED.format(epoch)

    def newest(self, runner: Runner) -> str | None:
        """The path of the checkpoint to resume from; None when a training begins anew."""
        folder = self.folder(runner)
        latest = os.path.join(folder, LATEST)
        if not os.path.isfile(latest):
            return None
        template = WITH_STEP if self.with_step else NUMBERED
        newest = newest_checkpoint(folder, template, os.path.join(runner.work_dir, 'last_checkpoint'))
        if newest is not None and os.stat(newest).st_mtime_ns > os.stat(latest).st_mtime_ns:
            return newest
        try:
            read_checkpoint(latest)
        except CheckpointError as error:
            runner.logger.warning(f'passed over for resuming: {error}')
            return newest
        return latest

    def before_train(self, runner: Runner) -> None:
        """Look whether there is anything left to train."""
        self._steps = len(runner.train_dataloader)
        super().before_train(runner)
        if runner.epoch > runner.max_epochs:
            raise ValueError(f'the checkpoint to resume from has finished {runner.epoch} epochs, but '
                             'train.num_epochs is '
                             f'{runner.max_epochs}. Raise num_epochs, or take another or no checkpoint: a '
                             'training begins '
                             f'anew in a results_dir without {LATEST}.')
        if runner.epoch == runner.max_epochs:
            runner.logger.info(f'all {runner.max_epochs} epochs are finished already: raise num_epochs to '
                               'train on, or remove '
                               f'{LATEST} to begin anew')

    def save_interrupted(self, runner: Runner, meta: dict[str, Any]) -> str:
        """As the base's; the interrupted training is what the next one goes on from."""
        path = str(super().save_interrupted(runner, meta))
        if is_main_process():
            publish_latest(Path(path), Path(self.out_dir))
        return path

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        super()._save_checkpoint_with_step(runner, step, meta)
        if is_main_process():
            publish_latest(Path(self.out_dir, self.name_of(step)), Path(self.out_dir))


def publish_latest(file: Path, folder: Path) -> None:
    """Give a checkpoint the names by which trainings resume and specs evaluate."""
    for name in (LATEST, OLDER):
        _publish(file, folder / name)


def _publish(file: Path, name: Path) -> None:
    """Make a second name of a file, at once or not at all; a copy where the file system has no links."""
    partial = name.with_name(f'.{name.name}.{os.getpid()}.partial')
    try:
        partial.unlink(missing_ok=True)
        os.link(file, partial)
        os.replace(partial, name)
    except OSError:
        with open(file, 'rb') as source, replacing(name) as target:
            shutil.copyfileobj(source, target)
