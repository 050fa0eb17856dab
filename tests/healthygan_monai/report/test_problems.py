import json
import os
from dataclasses import replace

import pytest
from synthetic_run import probe_list, score_rows

from data_prep.files import sha256, write_json
from healthygan_monai.evaluation.evaluate import evaluate
from healthygan_monai.report.artefacts import read_artefacts
from healthygan_monai.report.methods import methods
from healthygan_monai.report.problems import find_problems
from healthygan_monai.scoring import write_scores


def problems_of(run, dataset=None) -> dict:
    return {p.title: p for p in find_problems(read_artefacts(run, dataset))}


def set_metrics(run, **values) -> None:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    text = "\n".join(json.dumps(json.loads(line) | values) for line in lines)
    (run / "metrics.jsonl").write_text(text + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "title", "serious"),
    [
        ({"mask_mean": 0.99}, "The mask is all open", True),
        ({"mask_mean": 0.001}, "The mask is all shut", True),
        ({"mask_std": 0.001}, "The mask is flat", False),
        ({"loss_g": float("nan")}, "Training diverged", True),
        ({"loss_g": None}, "Training diverged", True),
        ({"mask_mean": 0.99, "g_change": 0.1}, "Everything changes", True),
        ({"mask_mean": 0.0001, "g_change": 0.0}, "Nothing changes", True),
    ],
)
def test_a_sick_training_is_seen(run, values, title, serious):
    assert title not in problems_of(run)
    set_metrics(run, **values)
    assert problems_of(run)[title].serious == serious


def test_few_changed_pixels_are_a_problem_of_a_mask_alone(run):
    set_metrics(run, mask_mean=0.001, mask_std=0.01, g_change=0.001)
    assert not {"The mask is all shut", "The mask is flat"} & set(problems_of(run))


def test_a_probe_as_good_as_the_model_is_serious(run):
    model = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))["levels"]["image"]
    value = model["auc"]["value"]
    for auc in (value, 1 - value):  # pointing the other way separates as well
        evaluate(run, bootstrap=100, probes=[probe_list()[0] | {"auc": auc}])
        assert problems_of(run)["A trivial probe does as well"].serious
    evaluate(run, bootstrap=100, probes=[probe_list()[0] | {"auc": 0.5}])
    assert not [title for title in problems_of(run) if "probe" in title.lower()]
    evaluate(run, bootstrap=100, probes=None)
    assert "No probes" in problems_of(run)


def test_scores_of_another_model_are_serious_whatever_the_times_of_the_files(run):
    model, scores = run / "model.pt", run / "scores.csv"
    record = {"weights_sha256": sha256(model), "score_by": "mean", "scores_sha256": sha256(scores)}
    write_json(run / "scores.json", record)
    os.utime(scores, (0, 0))  # as a copy may set it
    title = "The scores are of another model"
    assert title not in problems_of(run)
    model.write_bytes(b"other weights")
    os.utime(model, (0, 0))
    assert problems_of(run)[title].serious
    write_json(run / "scores.json", {**record, "scores_sha256": "0" * 64})  # of other scores
    assert title not in problems_of(run)


def test_missing_validation_labels_are_serious_and_told_once(run):
    rows = [replace(r, label=None) if r.section == "validation" else r for r in score_rows()]
    write_scores(run / "scores.csv", rows)
    evaluate(run, bootstrap=50, probes=probe_list())
    found = find_problems(read_artefacts(run))
    about = [p for p in found if "validation set has" in p.text]
    assert [p.title for p in about] == ["No threshold from validation"] and about[0].serious


def test_scores_changed_after_the_evaluation_are_noticed(run):
    write_scores(run / "scores.csv", [replace(r, score=r.score / 2) for r in score_rows()])
    assert problems_of(run)["Evaluation and scores do not belong together"].serious


def test_a_reversed_ranking_and_chance_are_told(run):
    rows = score_rows()
    write_scores(run / "scores.csv", [replace(r, score=-r.score) for r in rows])
    evaluate(run, bootstrap=100, probes=probe_list())
    assert problems_of(run)["The ranking is reversed"].serious
    write_scores(run / "scores.csv", [replace(r, score=hash_score(r.image)) for r in rows])
    evaluate(run, bootstrap=100, probes=probe_list())
    assert problems_of(run)["Not distinguishable from chance"].serious


def hash_score(name: str) -> float:
    """A score that knows nothing of the label."""
    return sum(ord(c) * (i + 3) ** 2 for i, c in enumerate(name)) % 101 / 101


def test_few_subjects_and_a_wide_interval_are_told(run):
    few = [r for r in score_rows() if r.section == "validation" or int(r.subject[-2:]) < 16]
    write_scores(run / "scores.csv", few)
    evaluate(run, bootstrap=100, probes=probe_list())
    found = problems_of(run)
    assert "Wide interval" in found
    assert any("Only 8 test subjects" in p.text for p in find_problems(read_artefacts(run)))


def test_the_last_checkpoint_being_best_is_told(run):
    text = (run / "selection.csv").read_text(encoding="utf-8")
    lines = [line[:-1] + str(int(line.startswith("4000"))) for line in text.splitlines()[1:]]
    (run / "selection.csv").write_text("\n".join([text.splitlines()[0], *lines]) + "\n")
    assert "The last checkpoint is the best" in problems_of(run)


@pytest.mark.parametrize(
    ("aucp", "error", "told"),
    [(0.60, 0.07, True), (0.60, 0.04, False), (0.54, 0.0, True), (0.86, 0.0, True)],
)
def test_an_aucp_that_does_not_tell_the_two_sets_apart_is_told(run, aucp, error, told):
    head = "iteration,fid,aucp,fid_features,chosen,aucp_error"
    (run / "selection.csv").write_text(f"{head}\n400,20,{aucp},net,1,{error}\n")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "criterion": "aucp"}))
    assert ("AUCp does not tell the mixed from the healthy set" in problems_of(run)) is told


def test_the_first_checkpoint_being_best_is_told(run):
    assert "The first checkpoint is the best" not in problems_of(run)
    text = (run / "selection.csv").read_text(encoding="utf-8")
    lines = [line[:-1] + str(int(line.startswith("400,"))) for line in text.splitlines()[1:]]
    (run / "selection.csv").write_text("\n".join([text.splitlines()[0], *lines]) + "\n")
    assert "The first checkpoint is the best" in problems_of(run)
    (run / "selection.csv").write_text("\n".join([text.splitlines()[0], lines[0]]) + "\n")
    assert "The first checkpoint is the best" not in problems_of(run)  # nothing to choose from


def states_of(run, *iterations, **changes) -> None:
    """Make of a finished run one with these whole states; ``changes`` are of run.json."""
    (run / "checkpoints").mkdir(exist_ok=True)
    for iteration in iterations:
        (run / "checkpoints" / f"training_{iteration}.pt").touch()
    known = json.loads((run / "run.json").read_text())
    known.pop("iterations", None)
    (run / "run.json").write_text(json.dumps({**known, **changes}))


class TestIterationsDone:
    """The text speaks of what was done, not of the 4,000 that were asked for."""

    def text(self, run) -> str:
        return " ".join(methods(read_artefacts(run))[0])

    def test_of_a_whole_training(self, run):
        assert "ran for 4,000 critic updates, with" in self.text(run)
        assert "Training has not finished" not in problems_of(run)

    def test_of_one_that_has_not_finished(self, run):
        states_of(run, 800, 1200, finished=None)
        words = "has run for 1,200 of 4,000 critic updates (training has not finished)"
        assert words in self.text(run)
        found = problems_of(run)["Training has not finished"]
        assert found.serious and "1,200 of 4,000 iterations are done" in found.text
        assert f"healthygan train --resume {run}" in found.text

    def test_of_one_that_ended_early(self, run):
        states_of(run, 1200, iterations=1200)
        assert "ran for 1,200 critic updates (of 4,000: training ended early" in self.text(run)
        assert "Training has not finished" not in problems_of(run)

    def test_of_one_whose_checkpoints_are_gone(self, run):
        states_of(run)
        assert "ran for [not recorded] of 4,000 critic updates" in self.text(run)

    def test_of_another_method(self, run):
        config = {"method": "ganomaly", "options": {"max_iterations": 900}}
        (run / "config.json").write_text(json.dumps(config))
        states_of(run, 300, finished=None)
        assert "Training has not finished: 300 of 900 iterations are done." in self.text(run)
        states_of(run, iterations=300, finished="now")
        assert "Training ended early, after 300 of 900 iterations." in self.text(run)


def test_demonstration_data_are_called_so(run):
    assert problems_of(run, {"name": "x", "protocol": "demo"})["Demonstration data"].serious
    assert "Demonstration data" not in problems_of(run, {"name": "x", "protocol": None})


def test_serious_problems_come_first(run):
    set_metrics(run, mask_mean=0.99)
    flags = [p.serious for p in find_problems(read_artefacts(run))]
    assert flags == sorted(flags, reverse=True) and True in flags and False in flags
