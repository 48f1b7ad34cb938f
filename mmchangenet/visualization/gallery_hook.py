"""Pictures after a test: escapes, false alarms, score histogram, recall over false alarms, and a page of
all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmchangenet.registry import HOOKS

from .gallery import Gallery, Pair, write_gallery, write_index
from .plots import plot_confusion, plot_recall_false_alarm, plot_score_histogram

HISTOGRAM, CURVE, CONFUSION = 'score_histogram.png', 'recall_false_alarm.png', 'confusion.png'


@HOOKS.register_module()
class GalleryHook(Hook):
    """Shows what a test got wrong.

    Into ``out_dir`` go ``escapes/`` (FAIL rows called PASS, lowest score first) and ``false_alarms/`` (PASS
    rows called FAIL, highest first) with one picture a row, ``score_histogram.png``,
    ``recall_false_alarm.png``, with more than two classes ``confusion.png``, and ``index.html``. Needs an
    ``InspectionMetric`` in the test evaluator; images are read again from the dataset's files.

    Args:
        out_dir: folder for the pictures.
        max_images: most pictures of either kind; the page says when there are more rows.
    """

    def __init__(self, out_dir: str, max_images: int = 100) -> None:
        self.out_dir = Path(out_dir)
        self.max_images = max_images

    def before_test(self, runner: Any) -> None:
        """Find out before the test what would stop the pictures after it.

        Raises:
            LookupError: when no metric keeps the rows.
        """
        self._metric(runner)
        self.out_dir.mkdir(parents=True, exist_ok=True)

    @master_only
    def after_test_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Draw everything."""
        metric = self._metric(runner)
        rows = metric.rows
        margin = float(unwrapped(runner.model).head.margin)
        counted = rows.counted
        scores, is_fail = rows.score[counted], rows.gt_fail[counted] == 1
        plot_score_histogram(self.out_dir / HISTOGRAM, scores, is_fail, rows.label_names()[counted], margin)
        plot_recall_false_alarm(self.out_dir / CURVE, scores, is_fail, margin)
        plots = [HISTOGRAM, CURVE]
        if len(rows.class_names) > 2:
            plot_confusion(self.out_dir / CONFUSION, *rows.confusion())
            plots.append(CONFUSION)
        galleries = self._galleries(rows, runner.test_dataloader.dataset)
        pictures = [write_gallery(self.out_dir, gallery, margin) for gallery in galleries]
        page = write_index(self.out_dir, runner.experiment_name, metric.tables, plots, galleries, pictures)
        runner.logger.info(
            f'{galleries[0].total} escapes, {galleries[1].total} false alarms, plots: open {page}')

    def _galleries(self, rows: Any, dataset: Any) -> Any:
        escaped = rows.counted & (rows.gt_fail == 1) & ~rows.pred_fail
        alarmed = rows.counted & (rows.gt_fail == 0) & rows.pred_fail
        return (
            self._gallery(rows, dataset, escaped, rows.score, 'escapes', 'Escapes',
                          'Defects called PASS at the margin, the lowest score first.'),
            self._gallery(rows, dataset, alarmed, -rows.score, 'false_alarms', 'False alarms',
                          'Good ones called FAIL at the margin, the highest score first.'))

    def _gallery(self, rows: Any, dataset: Any, chosen: Any, order: Any, folder: Any, title: Any,
                 explanation: Any) -> Any:
        chosen = np.flatnonzero(chosen)
        worst = chosen[np.argsort(order[chosen], kind='stable')][:self.max_images].tolist()
        pairs = [
            Pair(int(rows.position[row]), float(rows.score[row]),
                 dataset.get_data_info(int(rows.position[row]))) for row in worst
        ]
        return Gallery(folder, title, explanation, len(chosen), pairs)

    @staticmethod
    def _metric(runner: Any) -> Any:
        for metric in runner.test_evaluator.metrics:
            if hasattr(metric, 'rows'):
                return metric
        raise LookupError(
            'pictures are drawn from the rows of an InspectionMetric, but the evaluator has only '
            f'{[type(metric).__name__ for metric in runner.test_evaluator.metrics]}: '
            'add dict(type="InspectionMetric") to it')


def unwrapped(model: Any) -> Any:
    """The network inside a wrapper for several processes."""
    return model.module if is_model_wrapper(model) else model
