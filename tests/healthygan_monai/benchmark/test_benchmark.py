"""The grid, its cells, and the tables they make."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from tiny import TRAINING, write_dataset

from healthygan_monai.benchmark.cell import run_cell
from healthygan_monai.benchmark.check import check_grid
from healthygan_monai.benchmark.compare import against, auc_over_seeds
from healthygan_monai.benchmark.folders import cells_of
from healthygan_monai.benchmark.grid import Grid, GridError, read_grid
from healthygan_monai.benchmark.render import write_tables
from healthygan_monai.benchmark.run import run_grid
from healthygan_monai.benchmark.table import COLUMNS, tables
from healthygan_monai.benchmark.table1 import PAPER_TABLE_1, paper_value
from healthygan_monai.cli.main import main
from healthygan_monai.scoring import ScoreRow

SHORT = {"features": 2, "latent": 3, "max_iterations": 2, "batch_size": 4}
SETTINGS = {
    "healthygan": {k: v for k, v in TRAINING.items() if k != "device"},
    "ganomaly": SHORT,
    "padim": {"backbone": "resnet18", "channels": 20},
}


def here(cell, device: str) -> bool:
    """A cell in this process: a new one costs seconds of imports."""
    run_cell(cell.folder, "cpu")
    return True


def grid(data: Path, *methods: str, seeds=(0, 1), **keys) -> Grid:
    return Grid((str(data),), methods, seeds, SETTINGS, {"padim": "random"}, 50, **keys)


@pytest.fixture(scope="module")
def finished(tiny_data, tmp_path_factory):
    """(grid, out folder, cells that were run) of a small grid."""
    out = tmp_path_factory.mktemp("benchmark")
    ran: list[str] = []

    def runner(cell, device: str) -> bool:
        ran.append(f"{cell.method}/{cell.seed}")
        return here(cell, device)

    small = grid(tiny_data, "healthygan", "padim", "ganomaly", "distance-to-mean")
    failed, _ = run_grid(small, out, runner=runner, devices=("cpu",))
    assert not failed
    return small, out, ran


def rows_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "benchmark.csv").open(newline="") as stream:
        return {row["method"]: row for row in csv.DictReader(stream)}


def test_every_cell_is_a_run_with_a_result_of_its_own(finished):
    _, out, ran = finished
    assert len(ran) == len(set(ran)) == 8
    for method in ("healthygan", "padim", "ganomaly", "distance-to-mean"):
        folder = out / "cells" / "tiny" / method / "1"
        names = {"cell.json", "config.json", "run.json", "model.pt", "scores.csv", "result.json"}
        assert {*names, "evaluation.json"} <= {p.name for p in folder.iterdir()}
        result = json.loads((folder / "result.json").read_text())
        assert (result["method"], result["seed"], result["dataset"]) == (method, 1, "tiny")
        for level in ("image", "subject"):
            auc = result["levels"][level]["auc"]
            assert auc["low"] <= auc["value"] <= auc["high"]
        cuts = result["levels"]["image"]["thresholds"]
        assert cuts["validation"]["chosen_on"] == "validation"
        assert "optimistic" in cuts["test_optimistic"]["chosen_on"]
        assert result["fit"]["seconds"] > 0 and result["scoring"]["seconds"] > 0
        assert result["scoring"]["images"] == 8
        assert result["scoring"]["peak_memory"]["main"] > 1e7
        assert {"version", "data_hash", "seed", "scores_sha256"} <= set(result["provenance"])
        assert not (folder / "pictures").exists()


def test_nothing_is_run_twice_and_a_lost_cell_alone_is_made_again(finished):
    small, out, _ = finished

    def forbidden(cell, device: str) -> bool:
        raise AssertionError(f"{cell.folder} was run again")

    run_grid(small, out, runner=forbidden)
    lost = out / "cells" / "tiny" / "distance-to-mean" / "1" / "result.json"
    before = json.loads(lost.read_text())
    lost.unlink()
    again: list = []
    run_grid(small, out, runner=lambda cell, device: not again.append(cell) and here(cell, device))
    assert [cell.result for cell in again] == [lost]
    after = json.loads(lost.read_text())
    assert after["levels"] == before["levels"]
    assert after["fit"]["resumed"] and after["fit"]["seconds"] is None


def test_a_gan_that_was_stopped_goes_on_in_its_cell(finished):
    small, out, _ = finished
    folder = out / "cells" / "tiny" / "ganomaly" / "0"
    before = json.loads((folder / "result.json").read_text())
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "finished": None}))
    for name in ("result.json", "model.pt"):
        (folder / name).unlink()
    run_grid(small, out, runner=here)
    after = json.loads((folder / "result.json").read_text())
    assert after["levels"] == before["levels"]
    assert json.loads((folder / "run.json").read_text())["resumed"]


def test_other_settings_for_cells_that_are_there_are_refused(finished):
    small, out, _ = finished
    changed = dataclasses.replace(
        small, settings={**SETTINGS, "ganomaly": {**SHORT, "max_iterations": 3}}
    )
    with pytest.raises(GridError, match="tiny/ganomaly/0, tiny/ganomaly/1: made with other"):
        run_grid(changed, out, runner=here)


def test_the_tables_hold_every_method_and_say_what_is_not_run(finished):
    small, out, _ = finished
    larger = dataclasses.replace(
        small,
        methods=(*small.methods, "patchcore"),
        seeds=(0, 1, 2),
        settings={**SETTINGS, "patchcore": {"backbone": "resnet18"}},
        weights={"padim": "random", "patchcore": "random"},
    )
    _, written = run_grid(larger, out, dry_run=True, command="healthygan benchmark <x>")
    assert [p.name for p in written] == ["benchmark.md", "benchmark.csv", "benchmark.html"]
    rows = rows_of(out)
    assert list(rows) == [*small.methods, "patchcore"]
    assert rows["padim"]["seeds"] == "2 of 3" and rows["patchcore"]["seeds"] == "0 of 3"
    assert {v for k, v in rows["patchcore"].items() if k in COLUMNS} == {
        *("patchcore", "–", "not in the paper", "0 of 3", "not run")
    }
    assert rows["patchcore"]["auc_mean"] == ""
    assert "±" in rows["padim"]["auc"] and "p " in rows["padim"]["difference"]
    means = [
        json.loads((out / f"cells/tiny/padim/{seed}/result.json").read_text()) for seed in (0, 1)
    ]
    mean = np.mean([r["levels"]["image"]["auc"]["value"] for r in means])
    assert float(rows["padim"]["auc_mean"]) == pytest.approx(mean)
    assert rows["healthygan"]["difference"] == "reference"
    assert rows["padim"]["backbone"].startswith("resnet18[random] (random")
    assert rows["padim"]["paper"] == "not in the paper"
    text = (out / "benchmark.md").read_text()
    assert text.count("not run") >= 8 and "optimistic" in text
    page = (out / "benchmark.html").read_text()
    assert "&lt;x&gt;" in page and "<x>" not in page and "http" not in page
    assert page.count("<tr>") == 6


def test_without_healthygan_there_is_nothing_to_compare_with(tiny_data, tmp_path):
    alone = grid(tiny_data, "mean-intensity", seeds=(0,))
    run_grid(alone, tmp_path, runner=here)
    row = rows_of(tmp_path)["mean-intensity"]
    assert row["difference"] == "healthygan not run"
    assert "(one seed)" in row["auc"]


def test_a_failed_cell_does_not_end_the_others(tiny_data, tmp_path):
    two = grid(tiny_data, "mean-intensity", "distance-to-mean", seeds=(0,))
    failed, _ = run_grid(
        two, tmp_path, runner=lambda c, d: c.method != "mean-intensity" and here(c, d)
    )
    assert [cell.method for cell in failed] == ["mean-intensity"]
    rows = rows_of(tmp_path)
    assert rows["mean-intensity"]["auc"] == "not run"
    assert rows["distance-to-mean"]["auc"] != "not run"
    more = dataclasses.replace(two, bootstrap=20)  # the failed cell is free to be another
    with pytest.raises(GridError, match=r"^tiny/distance-to-mean/0: made with other"):
        run_grid(more, tmp_path, runner=here)


def test_the_command_runs_cells_in_processes_of_their_own(tiny_data, tmp_path, capsys):
    file = tmp_path / "grid.json"
    file.write_text(
        json.dumps({"datasets": [str(tiny_data)], "methods": ["mean-intensity"], "bootstrap": 20})
    )
    words = ["benchmark", str(file), "--seeds", "4", "--devices", "cpu", "--out"]
    assert main([*words, str(tmp_path / "out")]) == 0
    assert f"table: {tmp_path / 'out' / 'benchmark.md'}" in capsys.readouterr().out
    folder = tmp_path / "out" / "cells" / "tiny" / "mean-intensity" / "4"
    assert json.loads((folder / "result.json").read_text())["seed"] == 4


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"methods": ("padm",)}, "'padm' is not known, did you mean 'padim'"),
            ({"settings": {"ganomaly": {"latnt": 2}}}, "did you mean 'latent'"),
            ({"settings": {"healthygan": {"lamda_id": 2}}}, "did you mean 'lambda_id'"),
            ({"settings": {"ganomaly": {"seed": 2}}}, "give seeds to the grid"),
            ({"weights": {"ganomaly": "random"}}, "ganomaly has no backbone"),
            (
                {"methods": ("padim",), "weights": {"padim": "absent.pth"}},
                "absent.pth: no such file",
            ),
            ({"seeds": (0, 0)}, "seeds names one twice"),
            ({"seeds": (-1,)}, "seed is -1"),
        ],
    )
    def test_a_grid_that_cannot_be_meant(self, changes, message, tiny_data):
        whole = Grid((str(tiny_data),), ("healthygan", "ganomaly"))
        with pytest.raises(GridError, match=message):
            check_grid(dataclasses.replace(whole, **changes))

    def test_two_data_sets_of_one_name(self, tiny_data, tmp_path):
        other = write_dataset(tmp_path / "other")
        with pytest.raises(GridError, match="two data sets are called tiny"):
            check_grid(Grid((str(tiny_data), str(other)), ("padim",)))

    def test_an_unknown_key_of_a_file(self, tmp_path):
        file = tmp_path / "grid.json"
        file.write_text(json.dumps({"datasets": ["a"], "method": ["padim"]}))
        with pytest.raises(GridError, match="unknown key 'method', did you mean 'methods'"):
            read_grid(file)

    def test_paths_of_a_file_are_relative_to_it(self, tmp_path):
        file = tmp_path / "grid.json"
        file.write_text(json.dumps({"datasets": ["a"], "weights": {"padim": "w.pth"}}))
        read = read_grid(file)
        assert read.datasets == (str(tmp_path / "a"),)
        assert read.weights == {"padim": str(tmp_path / "w.pth")}


def scored(scores, labels, seed=0, method="a") -> list[ScoreRow]:
    return [
        ScoreRow("test", f"{k}.png", f"s{k // 2}", float(s), label=int(y), method=method, seed=seed)
        for k, (s, y) in enumerate(zip(scores, labels, strict=True))
    ]


class TestComparison:
    """60 images of 30 subjects."""

    labels = np.tile([0, 0, 1, 1], 15)

    def noisy(self, seed: int, strength: float) -> np.ndarray:
        return strength * self.labels + np.random.default_rng(seed).normal(size=60)

    def test_a_method_does_not_differ_from_itself(self):
        runs = {0: scored(self.noisy(0, 1), self.labels)}
        found = against(runs, runs, "image", 100)
        assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)

    def test_a_far_better_method_is_told_from_chance(self):
        good = {0: scored(self.noisy(0, 5), self.labels)}
        poor = {0: scored(self.noisy(1, 0), self.labels)}
        found = against(good, poor, "image", 400)
        assert found.low > 0.2 and found.p < 0.02
        turned = against(poor, good, "image", 400)
        assert (turned.mean, turned.high) == pytest.approx((-found.mean, -found.low))

    def test_mean_and_spread_are_those_of_the_seeds(self):
        perfect = scored(self.labels, self.labels)
        reversed_ = scored(-self.labels, self.labels, seed=1)
        found = auc_over_seeds({0: perfect, 1: reversed_}, "image", 50)
        assert (found.mean, found.low, found.high) == (0.5, None, None)
        assert found.sd == pytest.approx(np.sqrt(0.5)) and found.seeds == (0, 1)

    def test_the_order_of_rows_does_not_matter_and_other_images_are_refused(self):
        rows = scored(self.noisy(0, 1), self.labels)
        a = auc_over_seeds({0: rows}, "subject", 50)
        assert a == auc_over_seeds({0: rows[::-1]}, "subject", 50)
        with pytest.raises(ValueError, match="different test images"):
            against({0: rows}, {0: rows[:-1]}, "image", 10)

    def test_one_class_has_no_auc(self):
        assert auc_over_seeds({0: scored([1, 2], [1, 1])}, "image", 10) is None


def test_the_papers_values_are_where_the_paper_has_them():
    assert PAPER_TABLE_1["covidx", "healthygan"] == 0.84
    assert paper_value("migraine", "ganomaly") == "0.70"
    assert paper_value("covidx", "padim") == "not known"
    assert (
        paper_value("covidx", "mean-intensity") == paper_value(None, "padim") == "not in the paper"
    )


def test_a_bar_in_a_name_does_not_break_the_table(tiny_data, tmp_path):
    datasets = check_grid(grid(tiny_data, "padim"))
    cells = cells_of(grid(tiny_data, "padim"), datasets, tmp_path)
    found = tables(cells, {"tiny": "covidx"}, 10)
    found["tiny"][0]["method"] = "a|b"
    write_tables(found, tmp_path, "x")
    lines = (tmp_path / "benchmark.md").read_text().splitlines()
    assert any(line.startswith("| a\\|b | – | not run | not known |") for line in lines)


def test_a_benchmark_that_is_stopped_leaves_the_tables_of_what_it_has(tiny_data, tmp_path):
    def stopped_at_the_second(cell, device: str) -> bool:
        if cell.method == "distance-to-mean":
            raise KeyboardInterrupt
        return here(cell, device)

    small = grid(tiny_data, "mean-intensity", "distance-to-mean", seeds=(0,))
    with pytest.raises(KeyboardInterrupt):
        run_grid(small, tmp_path, runner=stopped_at_the_second, devices=("cpu",))
    found = rows_of(tmp_path)
    assert found["mean-intensity"]["auc_mean"]
    assert found["distance-to-mean"]["auc_mean"] == ""
