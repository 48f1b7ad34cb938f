"""What TensorBoard shows besides curves: pairs of a training batch and histograms of weights."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.visualization import TensorboardVisBackend

from mmchangenet.registry import HOOKS
from mmchangenet.visualization import draw_pair

SHOWN = 4  # pairs of a batch


@HOOKS.register_module()
class TensorBoardHook(Hook):
    """Adds images and weight histograms; losses and figures are MMEngine's ``LoggerHook``'s.

    Needs a ``TensorboardVisBackend`` in the visualizer.

    Args:
        interval: epochs between them.
    """

    def __init__(self, interval: int) -> None:
        self.interval = interval

    def before_run(self, runner: Runner) -> None:
        """Find the writer.

        Raises:
            LookupError: when TensorBoard is not among the visualizer's backends.
        """
        backends = [
            backend for backend in runner.visualizer._vis_backends.values()
            if isinstance(backend, TensorboardVisBackend)
        ]
        if is_main_process() and not backends:
            raise LookupError("TensorBoardHook needs dict(type='TensorboardVisBackend') in "
                              "visualizer.vis_backends")
        self._writer: Any = backends[0].experiment if is_main_process() else None

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Show pairs of the epoch's first batch, as the network gets them."""
        if batch_idx or not self._due(runner):
            return
        for number in range(min(SHOWN, len(data_batch['data_samples']))):
            sample = data_batch['data_samples'][number]
            sides = [[data_batch['inputs'][side][number].permute(1, 2, 0).numpy()]
                     for side in ('compare', 'golden')]
            compare, golden = sides
            picture = draw_pair(compare, golden, [''], f'{sample.label}   {sample.object_name}',
                                [sample.input_path])
            self._writer.add_image(f'train/pair_{number}', picture, runner.epoch + 1, dataformats='HWC')

    def after_train_epoch(self, runner: Runner) -> None:
        """Show how the weights lie."""
        if not self._due(runner):
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name, weight in model.named_parameters():
            if weight.requires_grad and torch.isfinite(weight).all():
                self._writer.add_histogram(name.replace('.', '/'),
                                           weight.detach().float().cpu(), runner.epoch + 1)
        self._writer.flush()

    def _due(self, runner: Runner) -> bool:
        return self._writer is not None and (runner.epoch + 1) % self.interval == 0
