"""docs/images/aucp_against_auc.py on a tiny run."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import scripts
import torch
from tiny import infer

from data_prep.errors import UsageError
from healthygan_monai.evaluation.metrics import roc_auc
from healthygan_monai.pretrained.trials import Trial, write_trials
from healthygan_monai.scoring import read_scores
from healthygan_monai.selection import generator_checkpoint, read_selection

script = scripts.script("docs/images/aucp_against_auc.py")


def changed(run: Path, **keys) -> None:
    """Write other settings into config.json."""
    path = run / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def points(aucp, auc, dataset: str = "tiny"):
    facts = ("run", dataset, "paper", "", 0, 1.0)
    pairs = enumerate(zip(aucp, auc, strict=True))
    return [script.Point(*facts, i, first, 0.1, 0.5, second, 0) for i, (first, second) in pairs]


def test_the_table_joins_the_score_of_each_checkpoint_with_its_aucp(own_run, tiny_data, tmp_path):
    other = generator_checkpoint(own_run, 4)  # it draws white: bright squares are unchanged
    weights = torch.load(other, weights_only=True)
    last = [name for name in weights if name.startswith("main.")][-1]
    torch.save({**weights, last: torch.full_like(weights[last], 100.0)}, other)
    script.main([own_run.parent], tmp_path / "new" / "found")
    for name in ("found.png", "found_curves.png"):
        assert (tmp_path / "new" / name).read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "new" / "found.csv").open(newline="", encoding="utf-8") as stream:
        rows = {int(row["iteration"]): row for row in csv.DictReader(stream)}
    assert [*rows] == [2, 4, 6]
    aucs = set()
    for judged in read_selection(own_run):
        row, path = rows[judged.iteration], generator_checkpoint(own_run, judged.iteration)
        scored = infer(path, tiny_data, tmp_path / str(judged.iteration), image_size=32)
        test = [r for r in read_scores(scored / "scores.csv") if r.section == "test"]
        auc = roc_auc([r.label for r in test], [r.score for r in test])
        assert float(row["test_auc"]) == auc and float(row["aucp"]) == judged.aucp
        assert int(row["chosen"]) == judged.chosen
        if path != other:  # nothing was kept out: those that judged were learned from
            assert float(row["training_aucp"]) == pytest.approx(judged.aucp)
        assert (row["dataset"], row["recipe"], row["seed"]) == ("tiny", "paper", "0")
        aucs.add(auc)
    assert len(aucs) > 1  # else a mix-up of checkpoints would not show


def test_a_searched_price_and_a_variant_are_those_of_the_run(own_run):
    changed(own_run, price="auto")
    write_trials(own_run, [Trial(0.3, 0, 2, 0.6, 0.1), Trial(3.0, 0, 2, 0.9, 0.1)])
    (own_run / "cell.json").write_text('{"method": "healthygan", "variant": "mine"}')
    found = [*script.points_of(own_run)]
    assert {(p.price, p.variant) for p in found} == {(3.0, "mine")}
    changed(own_run, price=None)
    assert {p.price for p in script.points_of(own_run)} == {None}


def test_only_runs_of_healthygan_with_checkpoints_are_taken(own_run, tmp_path):
    other = shutil.copytree(own_run, tmp_path / "runs" / "other")
    changed(other, method="ganomaly")
    assert script.find_runs([tmp_path, own_run]) == [own_run]
    shutil.rmtree(own_run / "checkpoints")
    with pytest.raises(UsageError, match="no HealthyGAN run with"):
        script.find_runs([tmp_path])


def test_a_data_set_that_has_changed_is_refused(own_run):
    about = json.loads((own_run / "run.json").read_text())
    (own_run / "run.json").write_text(json.dumps({**about, "data_hash": "0"}))
    with pytest.raises(UsageError, match=r"not the images that .* was trained on"):
        [*script.points_of(own_run)]


def test_the_correlation_is_of_ranks():
    rising = points([0.5, 0.6, 0.9], [0.7, 0.71, 0.72])
    assert script.correlation(rising) == "Spearman 1.00, 3 checkpoints"
    assert "-1.00" in script.correlation(points([0.5, 0.6, 0.9], [0.9, 0.8, 0.1]))
    assert "–" in script.correlation(rising[:2])
    assert "–" in script.correlation(points([0.5, 0.5, 0.5], [0.7, 0.8, 0.9]))


def test_the_legend_has_each_data_set_and_all(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(script.plt, "close", lambda figure: shown.append(figure.axes[0]))
    up = points([0.5, 0.6, 0.9], [0.7, 0.8, 0.9])
    down = points([0.5, 0.6, 0.9], [0.3, 0.2, 0.1], "b")
    script.draw([*up, *down], tmp_path / "a.png")
    texts = [text.get_text() for text in shown[0].get_legend().get_texts()]
    assert [text.partition(":")[0] for text in texts] == ["tiny", "b", "all"]
    assert " 1.00," in texts[0] and " -1.00," in texts[1] and "1.00" not in texts[2]
    colours = {tuple(dots.get_facecolor()[0]) for dots in shown[0].collections}
    assert len(colours) == 2


def test_the_curves_have_a_line_a_run_and_one_entry_a_curve(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(script.plt, "close", shown.append)
    first = points([0.5, 0.6, 0.9], [0.7, 0.8, 0.9])
    second = [point._replace(run="other") for point in first]
    script.draw_curves([*first, *second, *points([0.1], [0.2], "b")], tmp_path / "a.png")
    (figure,) = shown
    assert [len(axis.lines) for axis in figure.axes] == [6, 3]
    entries = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert entries == [*script.CURVES.values()]
    assert [*figure.axes[0].lines[-1].get_ydata()] == [0.7, 0.8, 0.9]


def test_where_nobody_is_kept_out_there_is_no_such_curve(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(script.plt, "close", shown.append)
    trained_on = [p._replace(aucp_error=0.0, run="r") for p in points([0.5, 0.6], [0.7, 0.8])]
    script.draw_curves([*trained_on, *points([0.1], [0.2], "b")], tmp_path / "a.png")
    (figure,) = shown
    assert [len(axis.lines) for axis in figure.axes] == [2, 3]
    legends = [axis.get_legend() for axis in figure.axes]
    assert legends[0] is None and len(legends[1].get_texts()) == 3
