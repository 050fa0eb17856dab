"""Calls from anywhere in a process go through children that are kept, and cost one input."""

import os
import threading

import hazards
import pytest

from data_prep.errors import PrepError
from data_prep.work import kept
from data_prep.work.guard import Limits
from data_prep.work.kept import decode, guarded

TIGHT, ROOMY = Limits(seconds=2, memory=1 << 30), Limits(seconds=60, memory=1 << 30)


@pytest.mark.parametrize("at_once", [1, 2])
def test_calls_one_after_the_other_use_one_child_however_many_are_idle(at_once):
    calls(at_once)
    first = decode(hazards.pid, ())
    assert first == decode(hazards.pid, ()) != os.getpid()


def test_calls_at_once_use_different_children_and_few_stay():
    assert calls(kept.MOST_IDLE + 2) == [42] * (kept.MOST_IDLE + 2)
    assert len(kept._idle) <= kept.MOST_IDLE


def calls(at_once: int) -> list[int]:
    """The answers of that many calls from as many threads."""
    found: list[int] = []
    barrier = threading.Barrier(at_once)

    def ask() -> None:
        barrier.wait()
        found.append(decode(hazards.slow_double, (21,)))

    threads = [threading.Thread(target=ask) for _ in range(barrier.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (hazards.crash, "the decoder crashed"),
        (hazards.hang, "took too long"),
        (hazards.swallow, "more memory than one input may take"),
        (hazards.raise_it, "unexpected error"),
    ],
)
def test_what_ends_a_child_is_a_reason_without_its_text_and_the_next_call_works(function, reason):
    with pytest.raises(PrepError, match=reason) as caught:
        # a busy machine is no reason: only what hangs is waited for so short
        decode(function, (), TIGHT if function is hazards.hang else ROOMY)
    assert "told as it is" not in str(caught.value) and "--" not in str(caught.value)
    assert decode(hazards.add, (1, 1), ROOMY) == 2


def test_an_error_of_the_system_comes_through(tmp_path):
    with pytest.raises(FileNotFoundError):
        decode(os.stat, (tmp_path / "gone",))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_has_children_of_its_own_and_leaves_those_of_its_parent():
    child = guarded(hazards.pid, (), Limits())
    read, write = os.pipe()
    fork = os.fork()
    if fork == 0:
        try:
            os.write(write, str(guarded(hazards.pid, (), Limits())).encode())
        finally:
            os._exit(0)
    os.close(write)
    other = int(os.read(read, 20))
    os.close(read)
    os.waitpid(fork, 0)
    assert other != child
    assert guarded(hazards.pid, (), Limits()) == child


def test_an_answer_that_was_not_waited_for_is_not_taken_for_the_next(monkeypatch):
    """As Ctrl-C in the middle of a call."""
    from data_prep.work import guard

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with guard.Guard() as one:
        with monkeypatch.context() as patched:
            patched.setattr(guard, "receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                one.call(hazards.add, (1, 1))
        assert one.call(hazards.add, (2, 3)) == 5
