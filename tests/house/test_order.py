"""The long files of tests come first."""

import random
from pathlib import Path
from types import SimpleNamespace

from first import LONG, longest_first
from places import ROOT

TESTS = ROOT / "tests"


def test_the_long_files_are_there_the_longest_first():
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert [*LONG.values()] == sorted(LONG.values(), reverse=True)


def test_they_come_before_the_others_and_a_file_keeps_its_order():
    names = [*LONG, "house/test_order.py", "elsewhere/test_it.py"]
    random.Random(0).shuffle(names)
    items = [SimpleNamespace(path=TESTS / n, number=i) for n in names for i in range(3)]
    items.insert(5, SimpleNamespace(path=Path("/of/another/folder/test_it.py"), number=0))
    longest_first(items, TESTS)
    seconds = [LONG.get(i.path.as_posix().removeprefix(f"{TESTS.as_posix()}/"), 0) for i in items]
    assert seconds == sorted(seconds, reverse=True) and seconds[0] > 0
    for name in names:
        assert [item.number for item in items if item.path == TESTS / name] == [0, 1, 2]
