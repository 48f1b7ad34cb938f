"""The best checkpoints of a training, as ``train.checkpointer`` asks for them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.engine.hooks.safe_checkpoint_hook import UnknownFigureError
from mmchangenet.registry import HOOKS

from .numbered_checkpoint_hook import publish_latest

KEPT = 'best_checkpoints'  # in the message hub: [[figure, path], ...], the best first
FIELD = re.compile(r'\{(\w+)(?::(0?\d{1,2})?(\.\d{1,2})?([dfeg]?))?\}')


@HOOKS.register_module()
class BestCheckpointsHook(Hook):
    """Keeps the checkpoints of the best validations, and deletes the others that it wrote.

    Args:
        monitor: the figure of the validation that tells.
        mode: ``min`` or ``max``, which is better.
        count: how many are kept.
        filename: their names; ``{epoch}``, ``{step}`` and ``{<name>}`` become numbers, with a format such as
            ``:03d``.
        out_dir: their folder.
        name: how the spec calls the figure.
        insert_names: write ``epoch=003`` and not only ``003``.
        newest: the newest of them is what a training resumes from.

    Raises:
        ValueError: when a file name has other fields, or a folder in it.
    """

    priority = 'LOW'

    def __init__(self,
                 monitor: str,
                 mode: str = 'min',
                 count: int = 1,
                 filename: str = 'model_best_{epoch:03d}',
                 out_dir: str | None = None,
                 name: str | None = None,
                 insert_names: bool = False,
                 newest: bool = False) -> None:
        self.monitor, self.sign, self.count = monitor, 1 if mode == 'min' else -1, count
        self.filename, self.name, self.insert_names = filename, name or monitor, insert_names
        self.out_dir, self.newest = out_dir, newest
        self._file_name(0, 0, 0.0)

    def before_train(self, runner: Runner) -> None:
        """Take up those that an earlier part of the training kept."""
        self.folder = Path(self.out_dir or runner.work_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = runner.message_hub.runtime_info.get(KEPT) or []
        self.kept = [(float(figure), str(path)) for figure, path in kept if os.path.isfile(path)]

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Save this epoch's when it is among the best."""
        if metrics is None or not hasattr(self, 'folder'):
            return
        if self.monitor not in metrics:
            raise UnknownFigureError(f'train.checkpointer.monitor {self.name}: the validation gives no '
                                     f'{self.monitor}, '
                                     f'but {", ".join(metrics)}')
        value = float(metrics[self.monitor])
        if not math.isfinite(value):
            return
        rank = self.sign * value
        if len(self.kept) >= self.count and rank >= self.sign * self.kept[-1][0]:
            return
        name = self._file_name(runner.epoch - 1, runner.iter, value)
        path = str(self.folder / name)
        kept = [entry for entry in self.kept if entry[1] != path] + [(value, path)]
        kept.sort(key=lambda entry: self.sign * entry[0])
        dropped = kept[self.count:]
        self.kept = kept[:self.count]
        runner.message_hub.update_info(KEPT, [list(entry) for entry in self.kept])
        runner.save_checkpoint(str(self.folder),
                               name,
                               meta=dict(epoch=runner.epoch, iter=runner.iter),
                               by_epoch=False)
        if is_main_process():
            if self.newest:
                publish_latest(Path(path), Path(runner.work_dir))
            for _, old in dropped:
                Path(old).unlink(missing_ok=True)
        runner.logger.info(f'{name} is among the best {self.count}: {self.name} {value:.4f}')

    def _file_name(self, epoch: int, step: int, value: float) -> str:
        fields: dict[str, float] = dict(epoch=epoch, step=step)
        fields[self.name] = value

        def number(match: re.Match[str]) -> str:
            field, width, digits, kind = match.groups()
            if field not in fields:
                raise ValueError(f'train.checkpointer.filename {self.filename}: {{{field}}} is none of '
                                 f'{", ".join(fields)}')
            form = f'{width or ""}{digits or ""}{kind or ""}'
            text = format(int(fields[field]) if kind == 'd' else fields[field], form)
            return f'{field}={text}' if self.insert_names else text

        name = FIELD.sub(number, self.filename)
        if set(name) & set('/\\{}') or name in ('', '.', '..') or len(name) > 200:
            raise ValueError(f'train.checkpointer.filename {self.filename} is no file name')
        return f'{name}.pth'
