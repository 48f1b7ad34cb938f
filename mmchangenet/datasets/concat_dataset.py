"""Several label CSVs as one dataset."""

from functools import partial

from mmengine.dataset import ConcatDataset as _ConcatDataset

from mmchangenet.build_all import build_all
from mmchangenet.labels.label_csv import GOOD_LABEL
from mmchangenet.registry import DATASETS


@DATASETS.register_module()
class ConcatDataset(_ConcatDataset):
    """MMEngine's, for label CSVs that need not hold the same defects: the class list is the union of theirs.

    Args:
        datasets (Sequence[BaseDataset | dict]): the parts.
        lazy_init (bool): whether to read the annotations later.
        ignore_keys (list[str] | str, optional): keys of ``metainfo`` that may differ, besides ``classes``.

    Raises:
        ValueError: with everything wrong with all of the CSVs.
    """

    def __init__(self, datasets, lazy_init=False, ignore_keys=None):
        datasets = build_all(partial(_built, dataset) for dataset in datasets)
        ignore_keys = [ignore_keys] if isinstance(ignore_keys, str) else ignore_keys or []
        super().__init__(datasets, lazy_init, [*ignore_keys, 'classes'])

    def full_init(self):
        """Read the annotations of all parts and join their class lists."""
        super().full_init()
        lists = [dataset.metainfo['classes'] for dataset in self.datasets if 'classes' in dataset.metainfo]
        if len(set(lists)) > 1:
            self._metainfo['classes'] = (GOOD_LABEL, *sorted({*sum(lists, ())} - {GOOD_LABEL}))


def _built(dataset):
    return DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
