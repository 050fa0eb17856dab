import os
import subprocess
import sys
import time

import hazards
import pytest

from data_prep.work.guard import Crashed, Guard, Limits, TimedOut
from data_prep.work.pools import Guarded, Inline


def test_a_guard_answers_and_keeps_its_child_from_call_to_call():
    with Guard() as guard:
        assert guard.call(hazards.add, (1, 2)) == 3
        first = guard.call(hazards.pid, ())
        assert first == guard.call(hazards.pid, ()) != os.getpid()


def test_relative_paths_are_of_the_folder_at_the_time_of_the_call(tmp_path, monkeypatch):
    with Guard() as guard:
        assert guard.call(os.getcwd, ()) == os.getcwd()
        monkeypatch.chdir(tmp_path)
        assert guard.call(os.getcwd, ()) == os.getcwd() == str(tmp_path.resolve())


def test_what_the_function_raises_comes_back():
    with Guard() as guard, pytest.raises(ValueError, match="told as it is"):
        guard.call(hazards.raise_it, ())


@pytest.mark.parametrize(
    ("function", "error"), [("crash", Crashed), ("hang", TimedOut), ("swallow", MemoryError)]
)
def test_a_lost_call_is_known_by_kind_and_the_next_one_works(function, error):
    with Guard(Limits(seconds=3, memory=1 << 30)) as guard:
        with pytest.raises(error):
            guard.call(getattr(hazards, function), ())
        assert guard.call(hazards.add, (2, 2)) == 4


def test_a_function_that_prints_does_not_spoil_its_answer():
    with Guard() as guard:
        assert guard.call(hazards.chatter, ()) == "the answer"


def test_no_limits_means_none():
    with Guard(Limits(seconds=0, memory=0)) as guard:
        assert guard.call(hazards.add, (1, 1)) == 2


@pytest.mark.skipif(os.name != "posix", reason="asks the kernel for its processes")
def test_a_child_ends_with_its_parent_even_in_the_middle_of_a_call():
    code = (
        "import hazards\nfrom data_prep.work.guard import Guard\nguard = Guard()\n"
        "print(guard.call(hazards.pid, ()), flush=True)\nguard.call(hazards.hang, ())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _lives(child):
            return
        time.sleep(0.1)
    raise AssertionError("the child outlived its parent by ten seconds")


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("pool", [Inline(), Guarded(3, Limits())])
def test_every_call_of_a_pool_is_answered_once(pool):
    with pool:
        answers = dict(pool.stream(hazards.add, ((k, k) for k in range(40))))
    assert answers == {k: 2 * k for k in range(40)}


def test_a_pool_lets_go_where_its_reader_gives_up():
    with Guarded(2, Limits()) as pool:
        stream = pool.stream(hazards.add, ((k, k) for k in range(10_000)))
        next(stream)
        stream.close()
        assert dict(pool.stream(hazards.add, [(1, 1)])) == {0: 2}
