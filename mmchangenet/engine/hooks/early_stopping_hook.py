"""Early stopping that survives a resume."""

from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """MMEngine's, with its count and best score in the message hub, which checkpoints keep.

    Args:
        monitor (str): the figure to go by; the others are MMEngine's, too.
    """

    def before_train(self, runner):
        """Go on from where a resumed run was, stopped if it had been."""
        state = runner.message_hub.get_info(self._key)
        if state:
            self.wait_count, self.best_score = state['wait_count'], state['best_score']
            runner.train_loop.stop_training = state['stop']

    def after_val_epoch(self, runner, metrics):
        """Decide, and note the state."""
        super().after_val_epoch(runner, metrics)
        runner.message_hub.update_info(self._key, dict(
            wait_count=self.wait_count, best_score=float(self.best_score), stop=runner.train_loop.stop_training))

    @property
    def _key(self):
        return f'early_stopping/{self.monitor}'
