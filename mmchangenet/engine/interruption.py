"""Ctrl-C and SIGTERM as a wish that a training ends at a good moment."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from mmengine.dist import all_reduce, get_world_size
from torch import tensor

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingInterrupted(RuntimeError):
    """A training was ended by a signal, and is saved.

    Attributes:
        exit_code: of a command, as shells have it: 128 and the signal's number.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class Interruption:
    """While entered, the first signal is noted and a second one does what it did before.

    Attributes:
        number: the signal that came, 0 for none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        self.number = 0
        if threading.current_thread() is threading.main_thread():  # Python takes signals nowhere else
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def came(self) -> int:
        """The signal, on all processes when it came to one of them; 0 for none. To be called on every
        process.
        """
        if get_world_size() == 1:
            return self.number
        number = tensor(self.number)
        all_reduce(number, op='max')
        return int(number)
