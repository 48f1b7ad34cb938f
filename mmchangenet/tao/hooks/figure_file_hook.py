"""The figures of an evaluation as a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.files import write_text
from mmchangenet.registry import HOOKS

REFERENCE_FIGURES = ('total_accuracy', 'false_alarm', 'false_negative', 'defect_accuracy')


@HOOKS.register_module()
class FigureFileHook(Hook):
    """Writes a JSON file after testing: ``reference``, the toolkit's four figures in percent, and ``all``.

    A figure that is undefined (no FAIL row, no PASS row) is null.

    Args:
        out_file: the file.
    """

    def __init__(self, out_file: str) -> None:
        self.out_file = Path(out_file)

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Write it, and say the four in one line."""
        every = {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in (metrics or {}).items()
        }
        reference = {name: every[name] for name in REFERENCE_FIGURES if name in every}
        self.out_file.parent.mkdir(parents=True, exist_ok=True)
        margin = float(getattr(getattr(runner.model, 'module', runner.model).head, 'margin', math.nan))
        write_text(
            json.dumps(dict(eval_margin=margin, reference=reference, all=every), indent=2) + '\n',
            self.out_file)
        line = ', '.join(f'{name.replace("_", " ")} {"undefined" if value is None else f"{value:.2f} %"}'
                         for name, value in reference.items())
        runner.logger.info(f'{line or "no labels, no figures"} (at eval_margin {margin:g}); all figures are '
                           f'in {self.out_file}')
