"""A short form of benchmarks/kill_and_resume.py: commands that are killed leave the same bytes."""

import sys

import pytest
from scripts import script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9"),
]


@pytest.fixture(scope="module")
def program():
    return script("benchmarks/kill_and_resume.py")


KILLS = {"films": 3, "brains": 2, "train": 4, "search": 2}
ONCE = ("infer", "evaluate", "report", "export", "zoo", "benchmark")


@pytest.mark.parametrize(("what", "kills"), [*KILLS.items(), *((name, 1) for name in ONCE)])
def test_after_a_kill_and_another_run_every_file_is_the_same(program, what, kills):
    assert program.main([what, "--kills", str(kills), "--films", "24"]) == 0
