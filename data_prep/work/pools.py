"""Many calls at once: in this process, in guarded children of it, or on a Dask cluster.

`stream` yields (index, answer) as answers come: what the function returned, or the exception.
Only a bounded number of calls is under way, so memory does not grow with their number.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from data_prep.work.guard import Crashed, Guard, Limits

Answer = tuple[int, Any]
Function = Callable[..., Any]  # at the top of a module: children import it by name


class Pool(Protocol):
    """Where calls run; a context manager."""

    def stream(self, function: Function, calls: Iterable[Sequence[Any]]) -> Iterator[Answer]: ...

    def __enter__(self) -> Pool: ...

    def __exit__(self, *error: Any) -> None: ...


class Inline:
    """In this process, one after the other, with no limits: for debugging (jobs = 0)."""

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def stream(self, function: Function, calls: Iterable[Sequence[Any]]) -> Iterator[Answer]:
        for index, arguments in enumerate(calls):
            try:
                yield index, function(*arguments)
            except Exception as error:
                yield index, error


class Guarded:
    """In `jobs` children of this process, each under limits; see guard.py."""

    def __init__(self, jobs: int, limits: Limits, folder: Path | None = None) -> None:
        self._guards = [Guard(limits, folder) for _ in range(jobs)]

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *error: Any) -> None:
        for guard in self._guards:
            guard.stop()

    def stream(self, function: Function, calls: Iterable[Sequence[Any]]) -> Iterator[Answer]:
        todo, lock = iter(enumerate(calls)), threading.Lock()
        done: queue.Queue[Answer | None] = queue.Queue(maxsize=4 * len(self._guards))
        stopped = threading.Event()

        def work(guard: Guard) -> None:
            while not stopped.is_set():
                with lock:
                    index, arguments = next(todo, (-1, ()))
                if index < 0:
                    break
                try:
                    answer = call_twice(guard, function, arguments)
                except Exception as error:
                    answer = error
                if not stopped.is_set():
                    done.put((index, answer))
            if not stopped.is_set():
                done.put(None)

        threads = [threading.Thread(target=work, args=[g], daemon=True) for g in self._guards]
        for thread in threads:
            thread.start()
        left = len(threads)
        try:
            while left:
                answer = done.get()
                if answer is None:
                    left -= 1
                else:
                    yield answer
        finally:
            stopped.set()
            if left:  # the reader gave up: let no thread wait for it
                for guard in self._guards:
                    guard.stop()
                while any(thread.is_alive() for thread in threads):
                    _drain(done)


def _drain(answers: queue.Queue[Answer | None]) -> None:
    try:
        answers.get(timeout=0.05)
    except queue.Empty:
        return


def call_twice(guard: Guard, function: Function, arguments: Sequence[Any]) -> Any:
    """As guard.call; a call whose child died is made once more: others may have filled memory."""
    try:
        return guard.call(function, arguments)
    except Crashed:
        return guard.call(function, arguments)
