"""Pictures of pairs at each validation, in whatever backends the config's visualizer has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.imaging import ImageError, read_image
from mmchangenet.registry import HOOKS

from .pair_picture import draw_pair


@HOOKS.register_module()
class ValidationPicturesHook(Hook):
    """Draws the first rows of the validation data with the scores that they have by now.

    The same rows each time, so that TensorBoard's slider shows how they change.

    Args:
        count: how many rows.
    """

    priority = 'LOW'

    def __init__(self, count: int = 8) -> None:
        self.count = count
        self._drawn = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Begin with the first row."""
        self._drawn = 0

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                       outputs: Iterable[Any] | None = None) -> None:
        """Draw the rows of a batch while there are too few."""
        for sample in outputs or ():
            if self._drawn < self.count:
                self._drawn += 1
                runner.visualizer.add_image(f'validation_row_{sample.sample_idx}', _picture(sample),
                                            step=_step(runner))


def _step(runner: Runner) -> int:
    """Finished epochs, or iterations of a training that goes by them."""
    loop = runner._train_loop
    if loop is None or isinstance(loop, dict):
        return 0
    return int(runner.epoch if hasattr(loop, 'done_batches') else runner.iter)


def _picture(sample: Any) -> Any:
    compare, golden = (list(map(_image, sample.get(side, ()))) for side in ('compare_files', 'golden_files'))
    score = sample.get('score', math.nan)
    verdict = 'FAIL' if sample.get('pred_fail', 1) else 'PASS'
    label = sample.get('label') or 'none'
    heading = f'row {sample.sample_idx}: score {score:.4f}, called {verdict}, label {label}'
    return draw_pair(compare, golden[:len(compare)], [''] * len(compare), heading,
                     [str(sample.get('input_path', ''))])


def _image(file: str) -> np.ndarray[Any, Any] | str:
    try:
        return read_image(file)
    except ImageError as error:
        return str(error)
