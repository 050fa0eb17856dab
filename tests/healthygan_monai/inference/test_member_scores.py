"""members.csv: each member's scores are those of its own run."""

import pytest
from tiny import infer, train

from healthygan_monai.evaluation.members import read_member_scores
from healthygan_monai.models.ensemble import make_ensemble
from healthygan_monai.scoring import read_scores


@pytest.fixture(scope="module")
def runs(trained, tiny_data, tmp_path_factory):
    """Runs of seeds 0 and 1, and the folder of their ensemble."""
    folder = tmp_path_factory.mktemp("members")
    runs = [trained, train(folder, tiny_data, seed=1)]
    return [*runs, make_ensemble(runs, folder)]


@pytest.mark.parametrize("rule", ["mean", "top"])
def test_are_those_of_the_runs(runs, tiny_data, tmp_path, rule):
    *members, ensemble = runs
    output = infer(ensemble / "model.pt", tiny_data, tmp_path / "e", score_by=rule, batch_size=3)
    found = read_member_scores(output / "members.csv")
    for number, run in enumerate(members):
        alone = infer(run / "model.pt", tiny_data, tmp_path / str(number), score_by=rule)
        assert not (alone / "members.csv").exists()
        expected = {(r.section, r.image): r.score for r in read_scores(alone / "scores.csv")}
        own = {(s.section, s.image): s.score for s in found if s.seed == str(number)}
        assert own == pytest.approx(expected, rel=1e-5) and {*own} == {*expected}
    assert {s.member for s in found} == {run.name for run in members}


def test_without_run_json_members_have_numbers(runs, tiny_data, tmp_path):
    model = tmp_path / "model.pt"
    model.write_bytes((runs[-1] / "model.pt").read_bytes())
    found = read_member_scores(infer(model, tiny_data, tmp_path, image_size=32) / "members.csv")
    assert {(s.member, s.seed) for s in found} == {("0", ""), ("1", "")}


def test_an_old_file_is_removed_where_another_model_scores(runs, tiny_data, tmp_path):
    (tmp_path / "members.csv").write_text("old")
    infer(runs[0] / "model.pt", tiny_data, tmp_path)
    assert not (tmp_path / "members.csv").exists()
