import argparse
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from data_prep.cli.arguments import add_fields, from_arguments
from data_prep.frame.recipe import flag


@dataclass(frozen=True)
class Options:
    size: int = flag(8, "pixels", metavar="N")
    own_name: Path | None = flag(None, "a file", flag="file", group="files")
    kind: str = flag("a", "which", choices=("a", "b"))
    deep: bool = flag(False, "look at all")
    hidden: str = field(default="x")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_fields(parser, Options)
    return parser.parse_args(words)


def test_a_dataclass_comes_back_as_its_flags_say():
    assert from_arguments(Options, parsed()) == Options()
    words = ["--size", "3", "--file", "x.csv", "--kind", "b", "--deep"]
    assert from_arguments(Options, parsed(*words), hidden="y") == Options(
        3, Path("x.csv"), "b", True, "y"
    )


@pytest.mark.parametrize("words", [["--kind", "c"], ["--size", "x"], ["--hidden", "y"]])
def test_what_is_no_value_or_no_flag_is_wrong_usage(words):
    with pytest.raises(SystemExit) as stop:
        parsed(*words)
    assert stop.value.code == 2


def test_the_help_says_meaning_default_and_group():
    parser = argparse.ArgumentParser()
    groups = add_fields(parser, Options)
    assert list(groups) == ["", "files"]
    text = " ".join(parser.format_help().split())
    assert "--size N pixels (default: 8)" in text and "files: --file" in text
