"""What a run does where its config does not say otherwise."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import chain, count
from typing import Any

from mmengine.logging import MMLogger

DUMPS = ('\n' + '-' * 60 + '\nSystem environment:', 'Config:\n',
         'Hooks will be executed in the following order:')

_TIMESTAMPS: set[str] = set()  # of this process's runs


def unique_timestamp(wanted: str) -> str:
    """The timestamp, with a number where another run of this process began in the same second."""
    names = chain([wanted], map(f'{wanted}_{{}}'.format, count(2)))
    found = next(name for name in names if name not in _TIMESTAMPS)
    _TIMESTAMPS.add(found)
    return found


def quiet_console(logger: MMLogger) -> MMLogger:
    """The logger, with environment, config and hooks, hundreds of lines, in its file alone."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(lambda record: not record.getMessage().startswith(DUMPS))
    return logger


def safe_default_hooks(hooks: Mapping[str, Any] | None, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config's default hooks with ``SafeCheckpointHook`` where they have ``CheckpointHook`` or nothing.

    Figures of a training by iterations are logged at the iteration, not at the epoch, which stays 0.
    """
    hooks = dict(hooks or {})
    checkpoint = hooks.get('checkpoint', dict(type='CheckpointHook', interval=1))
    if isinstance(checkpoint, dict) and checkpoint.get('type') == 'CheckpointHook':
        hooks['checkpoint'] = dict(checkpoint, type='mmchangenet.SafeCheckpointHook')
    logger = hooks.get('logger', dict(type='LoggerHook'))
    if isinstance(logger, dict) and not (config.get('train_cfg') or {}).get('by_epoch', True):
        hooks['logger'] = dict(dict(log_metric_by_epoch=False), **logger)
    return hooks
