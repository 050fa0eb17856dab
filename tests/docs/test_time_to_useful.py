"""docs/images/time_to_useful.py on the folder of a benchmark."""

import csv
import json
import shutil
import sys
from pathlib import Path

import pytest
from places import ROOT

from data_prep.errors import UsageError
from healthygan_monai.paths import read_run
from healthygan_monai.selection import handler, read_selection

sys.path.append(str(ROOT / "docs" / "images"))
import time_to_useful as script


def cell(folder: Path, method: str, about: dict, seconds: float | None, auc: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    specification = {"dataset": about["dataset"], "data_hash": about["data_hash"], "seed": 0}
    (folder / "cell.json").write_text(json.dumps({**specification, "method": method}))
    result = {
        **{"dataset": "tiny", "seed": 0, "levels": {"image": {"auc": {"value": auc}}}},
        "fit": {"seconds": seconds, "resumed": seconds is None},
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.fixture
def benchmark(trained: Path, tmp_path: Path) -> Path:
    about, cells = read_run(trained), tmp_path / "bench" / "cells" / "tiny"
    shutil.copytree(trained, cells / "healthygan" / "0")
    cell(cells / "healthygan" / "0", "healthygan", about, 60.0, 0.5)
    log = ["2026-01-01 00:00:00,000 INFO healthygan_monai.runs: run folder"]
    log += [
        f"2026-01-01 00:0{row.iteration}:30,000 INFO {handler.__name__}: iter "
        f"{row.iteration}  FID 1.0"
        for row in read_selection(trained)
    ]
    (cells / "healthygan" / "0" / "log.txt").write_text("\n".join(log))
    cell(cells / "padim" / "0", "padim", about, 90.0, 0.75)
    cell(cells / "alad" / "0", "alad", about, None, 0.6)
    return tmp_path / "bench"


def test_checkpoints_stand_at_their_minute_and_other_methods_at_the_time_of_their_fit(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    script.main(benchmark, [], tmp_path / "found", 0)
    with (tmp_path / "found.csv").open(newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    own = {r["iteration"]: float(r["minutes"]) for r in rows if r["method"] == "healthygan"}
    assert own == {"2": 2.5, "4": 4.5, "6": 6.5}
    assert all(0 <= float(row["auc"]) <= 1 for row in rows)
    (padim,) = (row for row in rows if row["method"] == "padim")
    assert (padim["minutes"], padim["auc"], padim["iteration"]) == ("1.5", "0.75", "")
    assert {row["method"] for row in rows} == {"healthygan", "padim"}
    assert "alad" in capsys.readouterr().err  # it went on: no time
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_of_the_command_train_stands_beside_them_by_its_recipe(
    benchmark: Path, tmp_path: Path
) -> None:
    run = benchmark / "cells" / "tiny" / "healthygan" / "0"
    with pytest.raises(UsageError, match="not a run of benchmarks/published_run"):
        script.main(benchmark, [], tmp_path / "found", 0, [run])
    log = (run / "log.txt").read_text()
    (run / "log.txt").write_text(log + "\nsteps in the published order of operations")
    script.main(benchmark, [run], tmp_path / "found", 0, [run])
    with (tmp_path / "found.csv").open(newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    cell, alone, published = (
        [(r["minutes"], r["iteration"], r["auc"]) for r in rows if r["method"] == name]
        for name in ("healthygan", "healthygan-paper", "published order")
    )
    assert alone == published == cell
    assert len(alone) == 3


def test_a_log_without_a_judged_checkpoint_is_named(benchmark: Path, tmp_path: Path) -> None:
    run = benchmark / "cells" / "tiny" / "healthygan" / "0"
    (run / "log.txt").write_text("2026-01-01 00:00:00,000 INFO healthygan_monai.runs: run folder\n")
    with pytest.raises(UsageError, match="no judged checkpoint"):
        script.main(benchmark, [], tmp_path / "found", 0)


def test_a_run_that_was_stopped_and_went_on_has_no_minutes(benchmark: Path, tmp_path: Path) -> None:
    run = benchmark / "cells" / "tiny" / "healthygan" / "0"
    log = (run / "log.txt").read_text()
    line = "2026-01-01 00:09:00,000 INFO x: resumed runs/0 at iteration 4"
    (run / "log.txt").write_text(f"{log}\n{line}")
    with pytest.raises(UsageError, match="it was stopped and went on"):
        script.main(benchmark, [], tmp_path / "found", 0)


def test_cells_without_a_time_alone_are_no_figure(benchmark: Path, tmp_path: Path) -> None:
    for method in ("healthygan", "padim"):
        shutil.rmtree(benchmark / "cells" / "tiny" / method)
    with pytest.raises(UsageError, match="no cell has a time"):
        script.main(benchmark, [], tmp_path / "found", 0)


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no cell of seed 0"):
        script.main(tmp_path, [], tmp_path / "found", 0)
