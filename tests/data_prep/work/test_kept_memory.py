"""Memory that a step has freed is kept for the next one, unless the user says otherwise."""

import os
import platform

import pytest
from processes import python

from data_prep.work import kept
from data_prep.work.guard import Guard, Limits
from data_prep.work.kept import LARGEST, SET_BY_USER

STEPS = """
import resource, sys
from data_prep.work.kept import BOUNDED, keep_freed_memory
if sys.argv[1] != "by itself":
    keep_freed_memory(*(BOUNDED if sys.argv[1] == "bounded" else ()))
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    blocks = []
    for _ in range(5):
        blocks.append(b"x" * (20 << 20))  # together more than glibc keeps by itself
for _ in range(20):
    step()
before = faults()
for _ in range(10):
    step()
print(faults() - before)
"""

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc is told how to keep memory"
)


def pages_asked_for(how: str, **variables: str) -> int:
    env = {name: value for name, value in os.environ.items() if name not in SET_BY_USER}
    return int(python("-c", STEPS, how, env={**env, **variables}).stdout)


def test_by_itself_the_library_asks_for_all_pages_again():
    assert pages_asked_for("by itself") > 10_000


@pytest.mark.parametrize("how", ["kept", "bounded"])
def test_memory_of_a_step_is_used_again_by_the_next(how):
    assert pages_asked_for(how) < 5_000


def test_what_the_user_has_set_holds():
    assert pages_asked_for("kept", MALLOC_TRIM_THRESHOLD_="131072") > 10_000


def told(monkeypatch: pytest.MonkeyPatch, most: int) -> list[tuple[int, int]]:
    """What a C library is told that refuses blocks of more than ``most`` bytes."""
    heard: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, name: int, value: int) -> int:
            heard.append((name, value))
            return int(name != kept.M_MMAP_THRESHOLD or value <= most)

    for name in SET_BY_USER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kept.ctypes, "CDLL", lambda _: Library())
    kept.keep_freed_memory()
    return heard


def test_an_older_library_that_refuses_large_blocks_is_asked_for_smaller_ones(monkeypatch):
    blocks = [value for name, value in told(monkeypatch, LARGEST) if name == kept.M_MMAP_THRESHOLD]
    assert blocks == [kept.MOST_FREED, LARGEST]


def test_where_every_block_is_refused_nothing_else_is_changed(monkeypatch):
    """Trimming set alone would give every block above 128 KiB back at once."""
    assert {name for name, _ in told(monkeypatch, 0)} == {kept.M_MMAP_THRESHOLD}


HOLES = """
STAY = []
def block(size): return b"x" * size
def fill():
    blocks = []
    for _ in range(8):
        blocks.append(block(64 << 20))
        STAY.append(block(100 << 10))
def take(): return len(block(512 << 20))
"""


def test_a_child_that_has_freed_large_blocks_may_take_as_much_as_a_fresh_one(tmp_path, monkeypatch):
    (tmp_path / "holes.py").write_text(HOLES)
    monkeypatch.syspath_prepend(tmp_path)
    import holes

    guard = Guard(Limits(60.0, 1 << 30))
    try:
        guard.call(holes.fill, ())
        assert guard.call(holes.take, ()) == 512 << 20
    finally:
        guard.stop()
