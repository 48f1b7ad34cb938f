"""Early stopping that survives a resume."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """MMEngine's, with its count and best score in the message hub, which checkpoints keep.

    Args:
        monitor: the figure to go by; the others are MMEngine's, too.
    """

    def before_train(self, runner: Runner) -> None:
        """Go on from where a resumed run was; with a larger patience than it had, also after it was
        stopped.
        """
        state = runner.message_hub.get_info(self._key)
        if state:
            self.wait_count, self.best_score = state['wait_count'], state['best_score']
            runner.train_loop.stop_training = bool(state['stop']) and self.wait_count >= self.patience
            if runner.train_loop.stop_training:
                runner.logger.warning('nothing is left to train: early stopping had ended this training. '
                                      'Raise its patience '
                                      f'above {self.patience} to go on')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Decide, and note the state."""
        super().after_val_epoch(runner, metrics)
        runner.message_hub.update_info(
            self._key,
            dict(wait_count=self.wait_count, best_score=float(self.best_score),
                 stop=runner.train_loop.stop_training))

    @property
    def _key(self) -> str:
        return f'early_stopping/{self.monitor}'
