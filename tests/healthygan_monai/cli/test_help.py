"""``--help`` of every command imports nothing that is slow to import."""

import argparse
import importlib
import json
import subprocess
import sys

import pytest
from processes import python

from healthygan_monai.cli.main import main

SLOW = {
    *("torch", "torchvision", "monai", "ignite", "scipy", "sklearn", "matplotlib", "SimpleITK"),
    *("itk", "nibabel", "pydicom", "nilearn", "dask", "distributed", "onnx", "mlflow", "jinja2"),
}
CODE = """
import argparse, importlib, json, sys

def shown(parser):
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    parsers = {p for action in inner for p in action.choices.values()}
    return [parser.format_help(), *(text for p in parsers for text in shown(p))]

texts = shown(importlib.import_module(sys.argv[1]).build_parser())
print(json.dumps({"texts": texts, "imported": sorted(sys.modules)}))
"""


PROGRAMS = [
    ("healthygan_monai.cli.main", 26),
    ("data_prep.cli.main", 12),
    ("healthygan_monai.cli.serving", 2),
]


def options(parser, words=()):
    """Every argument of a parser and of those below it, with the words that lead there."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from options(inner, (*words, name))
        else:
            yield " ".join((*words, *action.option_strings[-1:], action.dest)), action


@pytest.mark.parametrize("program", [name for name, _ in PROGRAMS])
def test_every_option_of_every_command_says_what_it_is(program):
    parser = importlib.import_module(program).build_parser()
    found = dict(options(parser))
    assert [name for name, action in found.items() if not (action.help or "").strip()] == []
    takes = {n: a for n, a in found.items() if a.nargs != 0 and a.help is not argparse.SUPPRESS}
    unnamed = [n for n, a in takes.items() if a.choices is None and not a.metavar]
    assert unnamed == []  # argparse would show RUNS_DIR, which says nothing of what is wanted


@pytest.mark.parametrize(("program", "commands"), PROGRAMS)
def test_help_of_every_command_imports_nothing_slow(program, commands):
    found = json.loads(python("-c", CODE, program).stdout)
    assert len(found["texts"]) > commands
    assert SLOW & set(found["imported"]) == set()
    assert "Exit codes: 0 done; 1 failure" in " ".join(found["texts"][0].split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["infer", "m.onnx", "--output", "o", "films"],
            "this command has no place for 'films' there. Paths",
        ),
        (
            ["prep", "phantom", "films", "o", "--images", "60"],
            "this command has no option --images; --help",
        ),
    ],
)
def test_words_without_a_place_are_named_with_what_to_do(words, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_a_reader_of_results_may_leave_early(tmp_path):
    code = "import sys; from healthygan_monai.cli.main import main; sys.exit(main(['keys']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1) as keys:
        keys.stdout.close()
        assert keys.stderr.read() == b""
