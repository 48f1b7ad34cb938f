"""Encoded golden sides, the least recently used leaving first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Code = Sequence[NDArray[np.float32]]


class GoldenCache:
    """A dictionary of codes bounded in bytes, safe to use from several threads.

    Args:
        max_bytes: that the arrays of all codes take at most; a code that is larger is not kept. 0 keeps
            nothing.

    Attributes:
        hits, misses (int): how often a wanted code was there, and how often not.
        num_bytes (int): that the codes take now.
    """

    def __init__(self, max_bytes: int) -> None:
        if max_bytes < 0:
            raise ValueError(f'a cache of {max_bytes} bytes: give 0 (nothing is kept) or more')
        self.max_bytes = max_bytes
        self.hits = self.misses = self.num_bytes = 0
        self._codes: OrderedDict[bytes, Code] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Code | None:
        """The code (tuple of arrays) of a key, or None."""
        with self._lock:
            code = self._codes.get(key)
            if code is None:
                self.misses += 1
            else:
                self.hits += 1
                self._codes.move_to_end(key)
            return code

    def put(self, key: bytes, code: Code) -> None:
        """Keep a code (tuple of arrays, not to be changed any more) under a key."""
        size = _size(code)
        with self._lock:
            if size > self.max_bytes:
                return
            if key in self._codes:
                self.num_bytes -= _size(self._codes.pop(key))
            self._codes[key] = code
            self.num_bytes += size
            while self.num_bytes > self.max_bytes:
                _, oldest = self._codes.popitem(last=False)
                self.num_bytes -= _size(oldest)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._codes.clear()
            self.num_bytes = 0

    def unlock(self) -> None:
        """In a forked process: a thread that held the lock is not there any more."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._codes)


def _size(code: Code) -> int:
    return sum(part.nbytes for part in code)
