"""The search of a price, looked back upon: benchmarks/price_trials.py."""

import csv
from pathlib import Path

import pytest
from places import ROOT
from processes import warm_python
from tiny import PRETRAINED, TRAINING

from healthygan_monai.pretrained.trials import read_trials

SCRIPT = ROOT / "benchmarks" / "price_trials.py"
SMALL = [
    f"--set={key}={value}" for key, value in {**TRAINING, **PRETRAINED}.items() if key != "device"
]


@pytest.mark.slow
def test_each_trial_has_its_auc_on_the_test_images(tiny_data: Path, tmp_path: Path) -> None:
    given = ("--runs-dir", tmp_path, "--device", "cpu", *SMALL)
    said = warm_python(SCRIPT, tiny_data, *given, cwd=tmp_path).stdout
    (run,) = (path.parent for path in tmp_path.glob("*/prices.csv"))
    trials = read_trials(run)
    with (run / "trials.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(float(r["price"]), int(r["fold"])) for r in rows] == [
        (t.price, t.fold) for t in trials
    ]
    assert [float(r["aucp"]) for r in rows] == [t.aucp for t in trials]
    assert all(float(r["test_auc"]) in (0, 0.25, 0.5, 0.75, 1) for r in rows)  # 2 and 2 images
    assert f"{len(trials)} trials" in said.splitlines()[-1]
    assert not (run / "model.pt").exists()  # it ends with the search


def test_a_given_price_is_refused(tiny_data: Path, tmp_path: Path) -> None:
    given = ("--runs-dir", tmp_path, "--device", "cpu", *SMALL, "--set=price=1")
    done = warm_python(SCRIPT, tiny_data, *given, cwd=tmp_path, code=2)
    assert "not searched" in done.stderr.splitlines()[-1]
