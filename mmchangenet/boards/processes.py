"""Calls of a function spread over the processor's cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import cv2

T = TypeVar('T')
R = TypeVar('R')


@contextmanager
def calls_ahead(function: Callable[[T], R], items: Sequence[T],
                processes: int | None = None) -> Iterator[Iterator[R]]:
    """An iterator over ``function(item)``, in order; processes work ahead of it and end with this one,
    however it ends.

    Args:
        function: picklable, and does the same in any process.
        items: what to call it with.
        processes: how many; one per core by default. One: this process, item by item.
    """
    processes = min(processes or _cores(), len(items))
    if processes == 1:
        yield map(function, items)
        return
    threads = cv2.getNumThreads()
    # before a fork: in the new process OpenCV would wait for threads that only this one has
    cv2.setNumThreads(1)
    try:  # Ctrl-C is for this process
        with multiprocessing.Pool(processes, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
            yield pool.imap(function, items)
    finally:
        cv2.setNumThreads(threads)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
