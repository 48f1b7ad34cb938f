"""Checkpoints under the toolkit's names."""

import os
import shutil
from pathlib import Path

from mmengine.dist import is_main_process

from mmchangenet.checkpoint import CheckpointError, newest_checkpoint, read_checkpoint
from mmchangenet.engine import SafeCheckpointHook
from mmchangenet.files import replacing
from mmchangenet.registry import HOOKS

LATEST = 'changenet_model_classify_latest.pth'
NUMBERED = 'model_epoch_{}.pth'


@HOOKS.register_module()
class NumberedCheckpointHook(SafeCheckpointHook):
    """SafeCheckpointHook that writes ``model_epoch_000.pth`` after the first epoch, ``001`` after the second, and so on.

    The newest is also ``changenet_model_classify_latest.pth``. A training resumes when that is there; take it away to start
    anew. When it is damaged, the newest whole numbered one takes its place.

    Arguments are SafeCheckpointHook's, without ``filename_tmpl``.

    Raises:
        ValueError: when a resumed training has finished more epochs than it is to have.
    """

    def name_of(self, step):
        """``model_epoch_<finished epochs - 1>.pth``."""
        return NUMBERED.format(f'{step - 1:03d}')

    def newest(self, runner):
        """The path of the checkpoint to resume from; None when a training begins anew."""
        folder = self.folder(runner)
        latest = os.path.join(folder, LATEST)
        if not os.path.isfile(latest):
            return None
        try:
            read_checkpoint(latest)
        except CheckpointError as error:
            runner.logger.warning(f'passed over for resuming: {error}')
            return newest_checkpoint(folder, NUMBERED, os.path.join(runner.work_dir, 'last_checkpoint'))
        return latest

    def before_train(self, runner):
        """Look whether there is anything left to train."""
        super().before_train(runner)
        if runner.epoch > runner.max_epochs:
            raise ValueError(f'the checkpoint to resume from has finished {runner.epoch} epochs, but train.num_epochs is '
                             f'{runner.max_epochs}. Raise num_epochs, or take another or no checkpoint: a training begins '
                             f'anew in a results_dir without {LATEST}.')
        if runner.epoch == runner.max_epochs:
            runner.logger.info(f'all {runner.max_epochs} epochs are finished already: raise num_epochs to train on, or remove '
                               f'{LATEST} to begin anew')

    def _save_checkpoint_with_step(self, runner, step, meta):
        super()._save_checkpoint_with_step(runner, step, meta)
        if is_main_process():
            _publish(Path(self.out_dir, self.name_of(step)), Path(self.out_dir, LATEST))


def _publish(file, name):
    """Make a second name of a file, at once or not at all; a copy where the file system has no links."""
    partial = name.with_name(f'.{name.name}.{os.getpid()}.partial')
    try:
        partial.unlink(missing_ok=True)
        os.link(file, partial)
        os.replace(partial, name)
    except OSError:
        with open(file, 'rb') as source, replacing(name) as target:
            shutil.copyfileobj(source, target)
