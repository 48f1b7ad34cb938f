"""Several label CSVs as one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.dataset import ConcatDataset as _ConcatDataset

from mmchangenet.build_all import build_all
from mmchangenet.labels.pass_rule import GOOD_LABEL
from mmchangenet.registry import DATASETS


@DATASETS.register_module()
class ConcatDataset(_ConcatDataset):
    """MMEngine's, for label CSVs that need not hold the same defects: the class list is the union of theirs.

    Args:
        datasets: the parts, or their configs.
        lazy_init: whether to read the annotations later.
        ignore_keys: keys of ``metainfo`` that may differ, besides ``classes``.

    Raises:
        ValueError: with everything wrong with all of the CSVs.
    """

    def __init__(self, datasets: Sequence[BaseDataset | dict[str, Any]], lazy_init: bool = False,
                 ignore_keys: list[str] | str | None = None) -> None:
        datasets = build_all(partial(_built, dataset) for dataset in datasets)
        ignore_keys = [ignore_keys] if isinstance(ignore_keys, str) else ignore_keys or []
        super().__init__(datasets, lazy_init, [*ignore_keys, 'classes'])

    def full_init(self) -> None:
        """Read the annotations of all parts and join their class lists."""
        super().full_init()
        lists = [dataset.metainfo['classes'] for dataset in self.datasets if 'classes' in dataset.metainfo]
        if len(set(lists)) > 1:
            self._metainfo['classes'] = (GOOD_LABEL, *sorted({*sum(lists, ())} - {GOOD_LABEL}))


def _built(dataset: BaseDataset | dict[str, Any]) -> BaseDataset:
    return DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
