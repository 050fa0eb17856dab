"""The report for a GPU, tried on the CPU."""

from pathlib import Path

import pytest
from places import ROOT
from processes import warm_python

SMALL = ("batch_size=4", "fid_features=random", "generator_channels=2", "generator_blocks=1")


def lines(data: Path, folder: Path, *words: str) -> list[list[str]]:
    """The cells of the table's lines."""
    given = ("--device", "cpu", "--sizes", "32", "--iterations", "6", *words, "--set", *SMALL)
    script = ROOT / "benchmarks" / "gpu_report.py"
    printed = warm_python(script, data, *given, cwd=folder).stdout
    rows = [line for line in printed.splitlines() if line.startswith("| p")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_a_row_has_every_figure(tiny_data: Path, tmp_path: Path) -> None:
    (row,) = lines(tiny_data, tmp_path, "--recipes", "paper", "--modes", "float32")
    assert row[:3] == ["paper", "32", "float32"]
    milliseconds, images, memory, work = map(float, row[3:7])
    assert images == pytest.approx(8e3 / milliseconds, rel=0.05)
    assert memory > 0.1 and work > 0
    assert float(row[7].removesuffix(" %")) >= 0 and 0 <= float(row[8]) <= 1


@pytest.mark.slow
def test_every_mode_of_both_recipes_runs(tiny_data: Path, tmp_path: Path) -> None:
    rows = lines(tiny_data, tmp_path)
    assert len(rows) == 10
    for row in rows:
        one = len(row) == 9 and 0 <= float(row[8]) <= 1
        assert one or row[2:] == ["float32, two GPUs", "not run: 0 GPUs"], row
