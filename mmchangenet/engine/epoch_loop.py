"""Epochs that may begin where an interrupted training left off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import DataLoader

from mmchangenet.registry import LOOPS


@LOOPS.register_module()
class EpochLoop(EpochBasedTrainLoop):
    """MMEngine's ``EpochBasedTrainLoop``; its first epoch passes over the batches that are done.

    Attributes:
        done_batches: batches of the epoch at hand that the resumed training had trained on.
    """

    done_batches: int = 0

    def run_epoch(self) -> None:
        """Iterate over one epoch, or what is left of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        with _without_first(self.dataloader, self.done_batches):
            for number, batch in enumerate(self.dataloader, self.done_batches):
                self.run_iter(number, batch)
        self.done_batches = 0
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


class _Rest:
    """What a sampler gives after its first rows."""

    def __init__(self, sampler: Any, start: int) -> None:
        self._sampler, self._start = sampler, start

    def __iter__(self) -> Iterator[Any]:
        return islice(self._sampler, self._start, None)

    def __len__(self) -> int:
        """Of the whole: MMEngine counts an epoch's batches by it."""
        return len(self._sampler)


@contextmanager
def _without_first(dataloader: DataLoader[Any], batches: int) -> Iterator[None]:
    """Let a loader begin after some batches without reading their images."""
    sampler = dataloader.batch_sampler
    if not batches or sampler is None:
        yield
        return
    whole = sampler.sampler
    sampler.sampler = _Rest(whole, batches * sampler.batch_size)
    try:
        yield
    finally:
        sampler.sampler = whole
