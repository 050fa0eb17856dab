"""Memory that a step has freed is kept for the next one, unless the user says otherwise."""

import os
import platform

import pytest
from processes import python

from data_prep.work.kept import SET_BY_USER

STEPS = """
import resource, sys
if sys.argv[1] == "kept":
    from data_prep.work.kept import keep_freed_memory
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    b"x" * (48 << 20)  # 48 MiB: more than glibc keeps by itself
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


def test_memory_of_a_step_is_used_again_by_the_next():
    assert pages_asked_for("kept") < 5_000 < 10_000 < pages_asked_for("as glibc does")


def test_what_the_user_has_set_holds():
    assert pages_asked_for("kept", MALLOC_TRIM_THRESHOLD_="131072") > 10_000
