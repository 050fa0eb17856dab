"""The other end of guard.py: a process that does what its parent asks, and ends when it ends."""

import importlib
import math
import os
import pickle
import queue
import sys
import tempfile
import threading
from typing import Any

from data_prep.work.guard import receive, send
from data_prep.work.kept import BOUNDED, keep_freed_memory

GRACE = 5  # seconds after the parent's clock, for a parent that was killed meanwhile


def serve(seconds: float, memory: int, folder: str) -> None:
    """Answer calls from standard input until it closes. The parameters are those of Limits."""
    keep_freed_memory(*BOUNDED)
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)  # a decoder that prints must not be taken for an answer
    if folder:
        tempfile.tempdir = folder
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=[calls], daemon=True).start()
    limited = False
    while True:
        name, arguments = calls.get()
        try:
            module, _, attribute = name.partition(":")
            function = getattr(importlib.import_module(module), attribute)
            if memory and not limited:
                _limit_memory(memory)
                limited = True
            _alarm(math.ceil(seconds) + GRACE if seconds else 0)
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        _alarm(0)
        try:
            send(answers, answer)
        except (pickle.PicklingError, TypeError, AttributeError):
            send(answers, (False, RuntimeError("the answer cannot be sent")))


def _listen(calls: queue.SimpleQueue[Any]) -> None:
    """In a thread of its own, so that the end of the parent is seen in the middle of a call."""
    try:
        while True:
            calls.put(receive(sys.stdin.buffer))
    except (EOFError, OSError):
        os._exit(0)


def _limit_memory(most: int) -> None:
    """Address space: what is mapped by now, libraries mostly, and `most` bytes."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = mapped + most
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (ImportError, OSError, ValueError):  # not Linux: the clock is the limit that is left
        return


def _alarm(seconds: int) -> None:
    """The kernel's own clock: it ends even a decoder that never gives control back to Python."""
    import signal

    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
