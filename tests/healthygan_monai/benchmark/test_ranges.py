"""Mean, minimum and maximum over seeds of what result.json holds."""

import csv
import json

import pytest
from tiny import TRAINING

from healthygan_monai.benchmark.cell import run_cell
from healthygan_monai.benchmark.grid import Grid
from healthygan_monai.benchmark.ranges import range_cells
from healthygan_monai.benchmark.run import run_grid


def result(auc: float, pixel: float | None = None, critic: float | None = None) -> dict:
    pooled = {"pixel_auroc": {"value": pixel}, "pixel_ap": {"value": pixel}}
    masks = {"pooled": {"diseased": pooled}, "pointing_hit": pixel}
    return {
        "levels": {"image": {"auc": {"value": auc}}},
        "critic": None if critic is None else {"image": {"auc": {"value": critic}}},
        "localisation": None if pixel is None else masks,
    }


def test_mean_minimum_and_maximum_over_seeds():
    cells = range_cells([result(0.7, 0.9, 0.5), result(0.9, 0.6, 0.6), result(0.8, 0.9, 0.4)])
    assert cells["auc_seeds"] == "0.800 (0.700 to 0.900)"
    assert cells["pointing"] == cells["pixel_ap"] == "0.800 (0.600 to 0.900)"
    assert cells["critic_auc"] == "0.500 (0.400 to 0.600)"
    assert [float(cells[f"critic_auc_{part}"]) for part in ("mean", "min", "max")] == [
        *(pytest.approx(0.5), 0.4, 0.6)
    ]


def test_one_seed_has_no_range():
    assert range_cells([result(0.7)])["auc_seeds"] == "0.700 (one seed)"


def test_what_was_not_measured_is_a_dash_and_what_was_not_kept_is_empty():
    cells = range_cells([result(0.7), result(0.8)])
    assert cells["pointing"] == cells["critic_auc"] == "–"
    earlier = {"levels": result(0.7)["levels"]}
    cells = range_cells([earlier, earlier])
    assert cells["pointing"] == cells["critic_auc"] == cells["pixel_ap_mean"] == ""
    assert cells["auc_seeds"] == "0.700 (0.700 to 0.700)"


def test_seeds_without_a_value_are_counted():
    earlier = {"levels": result(0.7)["levels"]}
    cells = range_cells([earlier, result(0.8, 0.5), result(0.8, 0.7)])
    assert cells["pixel_auroc"] == "0.600 (0.500 to 0.700; 2 of 3 seeds)"


def test_one_class_and_boxes_alone_have_no_such_value():
    lone = {**result(0.7), "localisation": {"pooled": None, "pointing_hit": None}}
    lone["levels"] = {"image": {"auc": None}}
    lone["critic"] = {"image": {"auc": None, "reason": "the test set has no healthy image"}}
    cells = range_cells([lone])
    assert cells["auc_seeds"] == cells["critic_auc"] == cells["pointing"] == "–"


def test_cells_judge_the_maps_by_the_masks_and_the_critic_by_its_own_score(tiny_data, tmp_path):
    settings = {k: v for k, v in TRAINING.items() if k != "device"}
    settings |= {"recipe": "pretrained", "critic_backbone": "resnet18", "critic_weights": "random"}
    settings |= {"critic_size": 32, "critic_channels": 4, "kept_out": 0.4, "price": 1.0}
    methods = ("healthygan", "distance-to-mean", "mean-intensity")
    grid = Grid((str(tiny_data),), methods, (0,), {"healthygan": settings}, bootstrap=20)
    run_grid(grid, tmp_path, runner=lambda cell, _: bool(run_cell(cell.folder, "cpu")))
    with (tmp_path / "benchmark.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["method"]: row for row in csv.DictReader(stream)}
    for name, has_map, has_critic in zip(methods, (1, 1, 0), (1, 0, 0), strict=True):
        folder = tmp_path / "cells" / "tiny" / name / "0"
        assert (folder / "localisation.json").is_file() == bool(has_map)
        for column in ("pixel_auroc", "pixel_ap", "pointing"):
            assert bool(rows[name][f"{column}_mean"]) == bool(has_map), (name, column)
        assert bool(rows[name]["critic_auc_mean"]) == bool(has_critic), name
    found = json.loads((tmp_path / "cells/tiny/distance-to-mean/0/localisation.json").read_text())
    pooled = found["pooled"]["diseased"]["pixel_ap"]["value"]
    assert float(rows["distance-to-mean"]["pixel_ap_max"]) == pooled
