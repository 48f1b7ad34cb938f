"""What other libraries compute in a way that fixes the batch while it is traced, for the time of a trace in
one that does not.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def windows_of_any_batch() -> Iterator[Any]:
    """mmpretrain's Swin finds the batch by dividing floats; here windows are joined without knowing it."""
    attention = sys.modules.get(
        'mmpretrain.models.utils.attention')  # not loaded: the network has no windows of it
    if attention is None:
        yield
        return
    original = attention.ShiftWindowMSA.__dict__['window_reverse']
    attention.ShiftWindowMSA.window_reverse = staticmethod(join_windows)
    try:
        yield
    finally:
        attention.ShiftWindowMSA.window_reverse = original


def join_windows(windows: Any, height: Any, width: Any, side: Any) -> Any:
    """Windows (N * height/side * width/side, side, side, C), row by row → maps (N, height, width, C)."""
    channels = windows.shape[-1]
    windows = windows.view(-1, height // side, width // side, side, side, channels)
    return windows.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)
