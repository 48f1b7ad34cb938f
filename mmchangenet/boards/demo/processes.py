"""Calls of a function spread over the processor's cores."""

import multiprocessing
import os
import signal
from contextlib import contextmanager

import cv2


@contextmanager
def calls_ahead(function, items, processes=None):
    """An iterator over ``function(item)``, in order; processes work ahead of it and end with this one,
    however it ends.

    Args:
        function (Callable): picklable, and does the same in any process.
        items (Sequence): what to call it with.
        processes (int, optional): how many; one a core by default. One: this process, item by item.
    """
    processes = min(processes or _cores(), len(items))
    if processes == 1:
        yield map(function, items)
        return
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # before a fork: in the new process OpenCV would wait for threads that only this one has
    try:  # Ctrl-C is for this process
        with multiprocessing.Pool(processes, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
            yield pool.imap(function, items)
    finally:
        cv2.setNumThreads(threads)


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
