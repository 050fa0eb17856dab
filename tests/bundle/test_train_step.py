"""The benchmark of a training step: both orders of a recipe compute the same."""

import re
from pathlib import Path

import pytest
from places import ROOT
from processes import warm_python

pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra [fid]")


@pytest.mark.parametrize("recipe", ["pretrained", pytest.param("paper", marks=pytest.mark.slow)])
def test_both_orders_have_the_same_losses(recipe: str, tmp_path: Path) -> None:
    words = ("--recipe", recipe, "--size", "32", "--batch", "2", "--rounds", "1")
    said = warm_python(ROOT / "benchmarks" / "train_step.py", *words, cwd=tmp_path).stdout
    in_float64, in_float32 = map(float, re.findall(r"(?:float64|float32) ([\d.e-]+)$", said, re.M))
    # the frozen network's normalisations are folded in float32
    assert in_float64 < {"paper": 1e-9, "pretrained": 1e-5}[recipe] and in_float32 < 1e-4
    table = [line for line in said.splitlines() if line.startswith("| ")]
    assert len(table) == 3 and "| 1.00 |" in table[1]
