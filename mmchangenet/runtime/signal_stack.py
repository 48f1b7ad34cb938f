"""Keeps the stack that signal handlers run on."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class SignalStack(ctypes.Structure):
    """Linux's ``stack_t``."""

    _fields_ = [('address', ctypes.c_void_p), ('flags', ctypes.c_int), ('size', ctypes.c_size_t)]


@contextmanager
def signal_stack_kept() -> Iterator[Any]:
    """Undo what happens to this thread's signal stack inside.

    OpenVINO (2026.4) sets one when it compiles a network and frees its memory later without unsetting it: the
    next signal that Python handles, such as Ctrl-C or the end of a child process, would end the process by a
    segmentation fault.
    """
    if not sys.platform.startswith('linux'):
        yield
        return
    libc, before = ctypes.CDLL(None), SignalStack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)
