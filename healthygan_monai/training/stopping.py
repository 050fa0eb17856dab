"""Ctrl-C and SIGTERM end a training at the next safe point, where everything can be saved."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTE = (
    b"\nstopping at the end of this iteration, or of judging a checkpoint. Once more: at once; "
    b"training then goes on from the last checkpoint.\n"
)


class Stopped(KeyboardInterrupt):
    """A training that was asked to stop, and saved its state; the message says how to go on."""


class StopRequest:
    """While it is entered, the first signal is noted and the second one interrupts at once.

    Attributes:
        made: whether somebody asked to stop.
    """

    def __init__(self) -> None:
        self.made = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():  # no other can
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: Any) -> None:
        if self.made:
            raise KeyboardInterrupt
        self.made = True
        os.write(2, NOTE)  # a log or a print may be just what was interrupted
