"""``--help`` of every command imports nothing that is slow to import."""

import json

import pytest
from processes import python

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


@pytest.mark.parametrize(
    ("program", "commands"),
    [
        ("healthygan_monai.cli.main", 25),
        ("data_prep.cli.main", 12),
        ("healthygan_monai.cli.serving", 2),
    ],
)
def test_help_of_every_command_imports_nothing_slow(program, commands):
    found = json.loads(python("-c", CODE, program).stdout)
    assert len(found["texts"]) > commands
    assert SLOW & set(found["imported"]) == set()
    assert "Exit codes: 0 done; 1 failure" in " ".join(found["texts"][0].split())
