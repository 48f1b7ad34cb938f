"""Keeps account of rows whose images could not be read, and of rows that got no score."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from typing import Any

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.files import write_text
from mmchangenet.registry import HOOKS

FILES = dict(train='broken_images.csv', val='broken_images.csv', test='broken_images_test.csv')
SHOWN = 20  # rows in a log message; the file has them all


@HOOKS.register_module()
class BrokenImageHook(Hook):
    """Collects, counts and lists them.

    In training the dataset puts another row in the place of one that it cannot read; validation and test
    leave it without a score. The first one is a warning at once, each epoch ends with a summary of new ones,
    and all are in ``broken_images.csv`` (``broken_images_test.csv`` of a test) of the work dir with stage,
    row and reason. A resumed training goes on with its list. ``ChangeRunner`` adds it when the config has
    none.

    Attributes:
        rows: (stage ``train``, ``val`` or ``test``, row of the dataset counted from 0) →
            why it could not be read or scored. Of all processes after an epoch, of this one during it.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], str] = {}
        self._reported: set[tuple[str, int]] = set()

    def unscored(self, stage: str = 'test') -> dict[int, str]:
        """Rows of a stage's dataset that got no score.

        Returns:
            row → reason, in the order of rows.
        """
        return {row: message for (found_in, row), message in sorted(self.rows.items()) if found_in == stage}

    def before_train(self, runner: Runner) -> None:
        """Go on with a resumed run's list."""
        known = {(stage, row): message
                 for stage, row, message in runner.message_hub.get_info('broken_images', [])}
        self.rows = {**known, **self.rows}
        self._reported |= set(known)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        """Note the rows that others stand in for."""
        samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
        for sample in samples or ():
            for row, message in getattr(sample, 'replaced', None) or ():
                self._note(runner, 'train', row, message)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                       outputs: Any = None) -> None:
        """Note the rows without a score."""
        self._note_unscored(runner, 'val', outputs)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                        outputs: Any = None) -> None:
        """Note the rows without a score."""
        self._note_unscored(runner, 'test', outputs)

    def after_train_epoch(self, runner: Runner) -> None:
        """List what is new."""
        self._report(runner, 'train')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """List what is new."""
        self._report(runner, 'val')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """List everything."""
        self._report(runner, 'test')

    def _note_unscored(self, runner: Runner, stage: str, samples: Iterable[Any] | None) -> None:
        for sample in samples or ():
            score = getattr(sample, 'score', None)
            if getattr(sample, 'error', None):
                self._note(runner, stage, sample.sample_idx, sample.error)
            elif isinstance(score, float) and not math.isfinite(score):
                self._note(runner, stage, sample.sample_idx, f'the network gave the score {score}')

    def _note(self, runner: Runner, stage: str, row: int, message: str) -> None:
        if not self.rows:
            runner.logger.warning(f'first row that cannot be read or scored ({stage}, row {row}): {message}')
        self.rows.setdefault((stage, row), message)

    def _report(self, runner: Runner, stage: str) -> None:
        for rows in all_gather_object(self.rows):
            self.rows = {**rows, **self.rows}
        new = sorted(key for key in self.rows if key[0] == stage and key not in self._reported)
        runner.message_hub.update_info('broken_images',
                                       [[*key, message] for key, message in sorted(self.rows.items())])
        if not new:
            return
        self._reported.update(new)
        path = os.path.join(runner.work_dir, FILES[stage])
        if is_main_process():
            self._write(path, [key for key in sorted(self.rows) if FILES[key[0]] == FILES[stage]])
        what = 'read' if stage == 'train' else 'read or scored'
        fate = 'others were drawn in their place' if stage == 'train' else 'they have no score'
        listing = [f'  row {row}: {self.rows[stage, row]}' for _, row in new[:SHOWN]]
        if len(new) > SHOWN:
            listing.append(f'  and {len(new) - SHOWN} more')
        total = len(self.unscored(stage))
        runner.logger.warning('\n'.join([f'{len(new)} new rows in {stage} that cannot be {what} ({total} in '
                                         f'all; {fate}), listed in {path}:',
                                         *listing]))

    def _write(self, path: str, keys: Iterable[tuple[str, int]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(('stage', 'row', 'message'))
        writer.writerows((stage, row, self.rows[stage, row]) for stage, row in keys)
        write_text(text.getvalue(), path)
