"""docs/python_api.md: every block of it runs, in order, in one program."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from places import ROOT

import healthygan_monai as hg
from data_prep.files import read_json
from data_prep.phantom.study import make_films
from data_prep.repeat import default_recipe
from healthygan_monai.paths import RUN_FILE

PAGE = ROOT / "docs" / "python_api.md"


@pytest.fixture
def study(trained: Path, tmp_path: Path, monkeypatch) -> Path:
    """A folder with the run and the films that the page speaks of."""
    run = shutil.copytree(trained, tmp_path / "runs" / "00000-films")
    facts = {**read_json(run / RUN_FILE), "recipe": default_recipe("films", 32)}
    (run / RUN_FILE).write_text(json.dumps(facts), encoding="utf-8")
    counts = {"training_mixed": 1, "training_healthy": 1, "validation": 2, "test": 2}
    make_films(tmp_path / "export", counts=counts, size=64, bad=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_block_runs_and_says_what_the_page_says(study, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 8
    names: dict[str, object] = {}
    said = []
    for number, block in enumerate(blocks):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
        said.append(capsys.readouterr().out)
    first = blocks[0].strip().splitlines()
    assert len([line for line in first if line]) <= 5
    assert "films/IM0001.dcm sub-" in said[0] and "(32, 32)" in said[0]
    assert "healthygan 32\nfilms paper" in said[1]
    assert "empty file" in said[3]
    assert (study / "results" / "scores.csv").is_file()
    assert sorted(p.name for p in (study / "results" / "one").iterdir()) == [
        f"first_{name}.png" for name in ("difference", "healthy", "mask")
    ]
    assert (
        said[-1].strip()
        == "runs/00099-absent: no such run folder; they are named like runs/00003-demo."
    )


def test_the_page_names_every_error_and_every_part_of_a_result():
    text = PAGE.read_text(encoding="utf-8")
    for name in hg.__all__:
        if name.endswith("Error") or name == "NoModel":
            assert f"`{name}`" in text
    for part in ("score", *hg.ImageResult.__dataclass_fields__):
        if part not in ("method", "parts"):
            assert f"`{part}`" in text
