"""Packages cut down to what some names reach: used definitions stay as they are, others go."""

import ast

import pytest

from healthygan_monai.exchange.reached import Reached

FILES = {
    "data_prep/__init__.py": '"""Packages."""\n',
    "data_prep/one.py": '''"""One."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TypeVar

from data_prep import two
from data_prep.three import kept as other, left

if TYPE_CHECKING:
    import decimal

T = TypeVar("T", "decimal.Decimal", float)
__all__ = ["used", "unused"]


# said of used
def used(value: T) -> T:
    """Use two."""
    return two.help_out(value) + other(os.sep)


def unused():
    return left(re)


used.note = "kept"
unused.note = "gone"
''',
    "data_prep/two.py": """LIMIT, REST = 1, 2

def help_out(x):
    return x if x < LIMIT else inside()

def inside():
    from data_prep.four import late
    return late

def gone():
    return 0
""",
    "data_prep/three.py": "def kept(x):\n    return 0\n\ndef left(x):\n    import data_prep.five\n",
    "data_prep/four.py": "late = 3\n",
    "data_prep/five.py": "",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def sources(folder):
    reached = Reached(folder)
    reached.add("data_prep.one", "used")
    return {path.as_posix(): text for path, text in reached.sources().items()}


def test_only_modules_that_are_used_are_kept(sources):
    assert sources.keys() == FILES.keys() - {"data_prep/five.py"}


def test_definitions_stay_word_by_word_with_what_is_said_of_them(sources):
    one = sources["data_prep/one.py"]
    assert one.startswith('"""One."""') and "unused" not in one and "left" not in one
    assert '# said of used\ndef used(value: T) -> T:\n    """Use two."""\n' in one
    assert 'used.note = "kept"' in one and "__all__ = ['used']" in one
    assert "import os" in one and "import re" not in one
    assert "if TYPE_CHECKING:\n    import decimal" in one, "a type in quotes"


def test_imports_inside_functions_are_followed(sources):
    assert sources["data_prep/four.py"] == "late = 3\n"
    assert "gone" not in sources["data_prep/two.py"]
    for text in sources.values():
        ast.parse(text)


def test_names_that_are_not_there_are_an_error(folder):
    with pytest.raises(ValueError, match=r"data_prep\.one defines no absent"):
        Reached(folder).add("data_prep.one", "absent")
    with pytest.raises(ValueError, match="write it as from MODULE import NAME"):
        Reached(folder).add("data_prep.three", "left")
