"""Each page of docs/contributing is followed step by step, in a copy of the repository."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import warm
from markdown_it import MarkdownIt
from places import ROOT

PAGES = sorted((ROOT / "docs" / "contributing").glob("*.md"))
COPIED = ("bundle", "data_prep", "docs", "healthygan_monai", "tests", "setup.cfg", "pyproject.toml")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    left_out = shutil.ignore_patterns("__pycache__", "images")
    for name in COPIED:
        source = ROOT / name
        place = tmp_path / name
        if source.is_dir():
            shutil.copytree(source, place, ignore=left_out)
        else:
            shutil.copy(source, place)
    return tmp_path


def run(words: list[str], copy: Path, text: str | None = None) -> None:
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    words = [warm.executable() if word == "python" else word for word in words]
    done = subprocess.run(
        words, cwd=copy, input=text, text=True, capture_output=True, env=environment
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_steps_of_a_page_lead_to_its_end(page: Path, copy: Path) -> None:
    fences = [t for t in MarkdownIt().parse(page.read_text()) if t.type == "fence"]
    assert {fence.info for fence in fences} == {"diff", "sh"}
    for fence in fences:
        if fence.info == "diff":
            run(["git", "apply", "--unsafe-paths", "-"], copy, fence.content)
        else:
            for command in fence.content.splitlines():
                run(command.split(), copy)
