"""Where the samples of a dataset come from, seen through MMEngine's wrappers: which CSV, which row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Subset

from mmchangenet.labels.pass_rule import no_pass_message

from .lighting_pair_dataset import LightingPairDataset


@dataclass
class Places:
    """For each sample of a dataset, the label CSV dataset and the row that it is.

    Attributes:
        datasets: the datasets inside.
        which: (N,) position in ``datasets``.
        index: (N,) index in that dataset.
    """

    datasets: list[LightingPairDataset]
    which: NDArray[np.int64]
    index: NDArray[np.int64]

    def files(self) -> list[str]:
        """The label CSVs of ``datasets``."""
        return [dataset.ann_file for dataset in self.datasets]

    def csv_rows(self) -> NDArray[np.int64]:
        """(N,) position of each sample among the rows that :func:`read_label_csv` gives for its file."""
        return self._collect([dataset.csv_rows for dataset in self.datasets])

    def gt_fail(self) -> NDArray[np.uint8]:
        """(N,) 1 where the label is not PASS.

        Raises:
            ValueError: when a CSV has no labels.
        """
        return self._collect([dataset.gt_fail for dataset in self.datasets])

    def labels(self) -> NDArray[np.object_]:
        """(N,) the labels.

        Raises:
            ValueError: when a CSV has none.
        """
        return self._collect([dataset.labels for dataset in self.datasets])

    def _collect(self, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        starts = np.cumsum([0, *map(len, values)])[:-1]
        return np.concatenate(values)[starts[self.which] + self.index]


def locate(dataset: Any) -> Places:
    """Find the label CSV row of every sample of a dataset.

    Args:
        dataset: a LightingPairDataset, or one or several in ConcatDataset, RepeatDataset,
            ClassBalancedDataset, torch's Subset or the first part that MMEngine's ``num_batch_per_epoch``
            takes.

    Returns:
        ``files()[which[i]]`` and ``csv_rows()[i]`` are the CSV and the row of sample i; ``sample_idx`` of
        the samples that our samplers draw is i.

    Raises:
        TypeError: for any other dataset, naming its type.
    """
    if isinstance(dataset, LightingPairDataset):
        return Places([dataset], np.zeros(len(dataset), np.int64), np.arange(len(dataset)))
    if isinstance(dataset, ConcatDataset):
        parts = [locate(part) for part in dataset.datasets]
        first = np.cumsum([0, *(len(part.datasets) for part in parts)])
        return Places([inner for part in parts for inner in part.datasets],
                      np.concatenate([part.which + n for part, n in zip(parts, first, strict=False)]),
                      np.concatenate([part.index for part in parts]))
    if isinstance(dataset, RepeatDataset):
        inner, chosen = dataset.dataset, np.tile(np.arange(len(dataset.dataset)), dataset.times)
    elif isinstance(dataset, ClassBalancedDataset):
        inner, chosen = dataset.dataset, np.array(dataset.repeat_indices)
    elif type(dataset).__name__ == '_SlicedDataset':  # private to MMEngine's runner
        inner, chosen = dataset._dataset, np.arange(len(dataset))
    elif isinstance(dataset, Subset):
        inner, chosen = dataset.dataset, np.array(dataset.indices)
    else:
        raise TypeError(f'{type(dataset).__name__} is neither a LightingPairDataset nor a known wrapper of '
                        'one')
    places = locate(inner)
    return Places(places.datasets, places.which[chosen], places.index[chosen])


def check_some_pass(places: Places) -> None:
    """Refuse training data in which no row is PASS: most likely its good parts are labelled in another way.

    Raises:
        ValueError: naming the CSVs and the labels found, with their counts.
    """
    fail = places.gt_fail()
    if len(fail) and fail.all():
        raise ValueError(f'{", ".join(places.files())}: {no_pass_message(Counter(places.labels().tolist()))}')
