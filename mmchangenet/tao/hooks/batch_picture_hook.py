"""Pictures of every n-th batch of an evaluation or inference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.evaluation.score_file_hook import scored_rows
from mmchangenet.registry import HOOKS
from mmchangenet.visualization.gallery import Gallery, Pair, write_gallery


@HOOKS.register_module()
class BatchPictureHook(Hook):
    """Draws each pair of every n-th batch, all lightings of both sides and their difference, with its score.

    Batches are counted in the order of the CSV's rows, whatever number of processes there is. Rows without a
    score are left out. Needs an ``InspectionMetric`` in the test evaluator; images are read again from the
    dataset's files.

    Args:
        out_dir: folder for the pictures.
        interval: n.
        batch_size: rows of a batch.
    """

    def __init__(self, out_dir: str, interval: int, batch_size: int) -> None:
        self.out_dir, self.interval, self.batch_size = Path(out_dir), interval, batch_size

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Draw them."""
        rows, dataset = scored_rows(runner.test_evaluator), runner.test_dataloader.dataset
        chosen = (rows.position // self.batch_size + 1) % self.interval == 0
        pairs = [Pair(position, float(rows.score[row]), dataset.get_data_info(position))
                 for row, position in enumerate(rows.position.tolist()) if chosen[row] and rows.scored[row]]
        margin = float(getattr(runner.model, 'module', runner.model).head.margin)
        gallery = Gallery(self.out_dir.name, 'Pairs', 'Pairs of some batches.', len(pairs), pairs)
        write_gallery(self.out_dir.parent, gallery, margin)
        which = 'every batch' if self.interval == 1 else f'one batch in {self.interval}'
        runner.logger.info(f'{len(pairs)} pictures, of {which}, are in {self.out_dir}')
