"""Known-healthy images that training never saw: scored with the run's own data, and set apart."""

import csv
import json
import shutil
from dataclasses import replace

import pytest
from tiny import infer, train, write_dataset

from healthygan_monai.data.images import load_images
from healthygan_monai.evaluation.run import evaluate_run
from healthygan_monai.inference.kept_out_items import kept_out_items
from healthygan_monai.scoring import KEPT_OUT, read_scores, write_scores


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_data):
    return train(tmp_path_factory.mktemp("kept"), tiny_data, kept_out=0.4)


@pytest.fixture
def scored(run, tiny_data, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    return infer(folder / "model.pt", tiny_data, folder)


def named(run, section: str) -> set[str]:
    with (run / "kept_out.csv").open() as stream:
        return {row["image"] for row in csv.DictReader(stream) if row["section"] == section}


def test_the_kept_out_healthy_images_have_scores_and_the_mixed_ones_have_none(scored):
    rows = read_scores(scored / "scores.csv")
    kept = [row for row in rows if row.section == KEPT_OUT]
    assert {row.image for row in kept} == named(scored, "training_healthy") != set()
    assert {row.label for row in kept} == {0}
    assert not {row.image for row in rows} & named(scored, "training_mixed")
    assert len(rows) - len(kept) == 8


def test_they_carry_the_promise_and_change_nothing_else(scored):
    """Against the same file without them."""
    with_them = evaluate_run(scored, None, bootstrap=20)
    rows = read_scores(scored / "scores.csv")
    write_scores(scored / "scores.csv", [row for row in rows if row.section != KEPT_OUT])
    (scored / "scores.json").unlink()
    without = evaluate_run(scored, None, bootstrap=20)
    assert (with_them["known_healthy"]["source"], without["known_healthy"]["source"]) == (
        "kept_out",
        "validation",
    )
    assert with_them["counts"] == without["counts"]
    for unit in ("image", "subject"):
        one, other = (result["levels"][unit] for result in (with_them, without))
        assert one["auc"] == other["auc"] and one["n"] == other["n"]
        for name in ("validation", "test_optimistic"):
            assert one["thresholds"][name] == other["thresholds"][name]


def test_their_scores_do_not_reach_the_ranking_however_high(scored):
    rows = read_scores(scored / "scores.csv")
    before = evaluate_run(scored, None, bootstrap=20)["levels"]["image"]["auc"]
    raised = [replace(r, score=9.0) if r.section == KEPT_OUT else r for r in rows]
    write_scores(scored / "scores.csv", raised)
    assert evaluate_run(scored, None, bootstrap=20)["levels"]["image"]["auc"] == before


def test_localisation_is_that_without_them(run, scored, tiny_data, tmp_path):
    alone = shutil.copytree(run, tmp_path / "alone")
    (alone / "kept_out.csv").unlink()
    infer(alone / "model.pt", tiny_data, alone)
    one, other = (json.loads((f / "localisation.json").read_text()) for f in (scored, alone))
    assert one == other


def test_another_data_set_has_none(run, tmp_path):
    other = write_dataset(tmp_path / "other", size=16)
    assert kept_out_items(load_images(other, 16), run / "model.pt") == []


def test_a_model_without_a_run_has_none(run, tiny_data, tmp_path):
    shutil.copy(run / "model.pt", tmp_path)
    assert kept_out_items(load_images(tiny_data, 32), tmp_path / "model.pt") == []
