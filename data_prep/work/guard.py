"""One supervised child process: a hang, a memory bomb or a crash costs only its file."""

from __future__ import annotations

import json
import os
import pickle
import select
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LENGTH = struct.Struct("!Q")  # every message: its length, then a pickle; both ends are ours
CALLS_OF_A_CHILD = 500  # then a fresh one: what a decoder leaks does not add up
LONGEST = 2**31 - 1  # milliseconds that poll can wait
# The pool has the cores already: threads inside a child would only wait for each other.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
}
PYTHON = sys.executable  # that of the children
START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from data_prep.work.child import serve; serve(*json.loads(sys.argv[2]))"
)


class GuardError(RuntimeError):
    """A call that the guard had to end."""


class TimedOut(GuardError):
    """The call took longer than its limit."""


class Crashed(GuardError):
    """The child ended in the middle of the call: a segmentation fault, or killed for memory."""


@dataclass(frozen=True)
class Limits:
    """seconds: wall-clock time of one call; memory: bytes a child may allocate beyond what it has
    when idle (POSIX; elsewhere there is no such limit). 0 means no limit.
    """

    seconds: float = 120.0
    memory: int = 4 << 30


class Guard:
    """Calls functions in a child process, one at a time; use one guard a thread."""

    def __init__(self, limits: Limits | None = None, folder: Path | None = None) -> None:
        """folder: where the child puts temporary files; the system's own place where None."""
        self.limits = limits or Limits()
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._started_in = ""
        self._end: weakref.finalize | None = None
        self._calls = 0
        self._expired = False

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *error: Any) -> None:
        self.stop()

    def call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Return or raise what the named function does; TimedOut, Crashed: the child died."""
        child = self._ready()
        assert child.stdin is not None and child.stdout is not None
        self._expired = False
        try:
            name = f"{function.__module__}:{function.__qualname__}"
            send(child.stdin, (name, tuple(arguments)))
            with self._in_time(child, child.stdout):
                done, value = receive(child.stdout)
        except (EOFError, OSError):
            self.stop()
            raise (TimedOut if self._expired else Crashed)() from None
        except BaseException:  # stopped by the user: this answer must not be taken for the next
            self.stop()
            raise
        self._calls += 1
        spent = self._calls >= CALLS_OF_A_CHILD
        if self._expired or spent or isinstance(value, MemoryError):
            self.stop()
        if not done:
            raise value
        return value

    def stop(self) -> None:
        """End the child; it is started again where another call comes."""
        self._child = None
        if self._end is not None:
            self._end()

    def _ready(self) -> subprocess.Popen[bytes]:
        here = os.getcwd()  # relative paths are of this process
        if self._child is None or self._child.poll() is not None or here != self._started_in:
            self.stop()
            self._calls, self._started_in = 0, here
            settings = [self.limits.seconds, self.limits.memory, str(self._folder or "")]
            self._child = subprocess.Popen(
                [PYTHON, "-c", START, json.dumps(sys.path), json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # decoders print what they read, names included
                env={**os.environ, **ONE_THREAD},
            )
            self._end = weakref.finalize(self, _end, self._child, os.getpid())
        return self._child

    @contextmanager
    def _in_time(self, child: subprocess.Popen[bytes], answers: IO[bytes]) -> Iterator[None]:
        """Kill the child where its answer does not begin within the limit."""
        seconds = self.limits.seconds
        if not seconds:
            yield
        elif hasattr(select, "poll"):  # no thread: that would cost more than a small picture
            waiting = select.poll()
            waiting.register(answers, select.POLLIN)
            if not waiting.poll(min(1000 * seconds, LONGEST)):
                self._expire(child)
            yield
        else:  # Windows
            clock = threading.Timer(seconds, self._expire, [child])
            clock.daemon = True
            clock.start()
            try:
                yield
            finally:
                clock.cancel()
                clock.join()  # or it could still strike the next call

    def _expire(self, child: subprocess.Popen[bytes]) -> None:
        self._expired = True
        child.kill()


def _end(child: subprocess.Popen[bytes], parent: int) -> None:
    """End a child; in a fork of its parent only let go of its pipes."""
    if os.getpid() == parent:
        child.kill()
        child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(OSError):  # what was still to be written has no reader any more
                stream.close()


def send(stream: IO[bytes], message: Any) -> None:
    """One message onto a pipe."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next message of a pipe; raises EOFError where the other end is gone."""
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
