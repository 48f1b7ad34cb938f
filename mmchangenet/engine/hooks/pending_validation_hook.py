"""The validation that a killed run did not come to."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class PendingValidationHook(Hook):
    """Validates before a resumed training goes on, when its checkpoint was written but not validated any
    more.

    ``ChangeRunner`` adds it by itself, as the last of the hooks.
    """

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Make up for it."""
        if runner.validation_pending:
            runner.logger.info('The resumed checkpoint has not been validated: validating it first.')
            runner.val_loop.run()
            runner.validation_pending = False
