"""After each validation: the table, the model, and whether training goes on."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from healthygan_monai.errors import UsageError
from healthygan_monai.paths import FIRST_IS_BEST
from healthygan_monai.runs import save_weights
from healthygan_monai.selection import aucp_error, generator_checkpoint, read_selection
from healthygan_monai.selection.handler import CheckpointSelection


class Run:
    """A trainer and its evaluator, as far as the handler sees them."""

    def __init__(self, folder: Path, iterations: int = 50, **options: object) -> None:
        self.folder, self.ended = folder, 0
        self.evaluator = SimpleNamespace(state=SimpleNamespace(metrics={}))
        state = SimpleNamespace(iteration=0, ended_early=False)
        self.engine = SimpleNamespace(
            state=state, max_iterations=iterations, terminate=self.terminate
        )
        options = {"criterion": "fid", "fid_features": "random", **options}
        self.handler = CheckpointSelection(folder, self.evaluator, **options)  # type: ignore[arg-type]

    def terminate(self) -> None:
        self.ended += 1

    def judged(self, iteration: int, fid: float, aucp: float = 0.5) -> float:
        """Judge a checkpoint whose one weight is its iteration; return that of model.pt."""
        path = generator_checkpoint(self.folder, iteration)
        path.parent.mkdir(exist_ok=True)
        save_weights({"iteration": torch.tensor(float(iteration))}, path)
        self.engine.state.iteration = iteration
        self.evaluator.state.metrics = {"fid": torch.tensor(fid), "aucp": aucp}
        self.handler(self.engine)
        return torch.load(self.folder / "model.pt", weights_only=True)["iteration"].item()


def test_the_model_is_the_best_so_far_and_every_checkpoint_has_a_row(tmp_path):
    run = Run(tmp_path)
    assert [run.judged(10, 3.0), run.judged(20, 1.0), run.judged(30, 2.0)] == [10, 20, 20]
    rows = read_selection(tmp_path)
    assert [(r.iteration, r.fid, r.chosen) for r in rows] == [(10, 3, 0), (20, 1, 1), (30, 2, 0)]
    assert {(r.fid_features, r.aucp_error) for r in rows} == {("random", 0)}
    assert run.ended == 0 and not run.engine.state.ended_early


def test_training_without_patience_goes_on_and_with_it_ends_after_that_many(tmp_path):
    for patience, ended in ((0, [0, 0, 0, 0]), (2, [0, 0, 0, 1])):
        folder = tmp_path / str(patience)
        folder.mkdir()
        run = Run(folder, patience=patience)
        found = []
        for number in range(4):
            run.judged(10 * (number + 1), 1.0 + number)
            found.append(run.ended)
        assert found == ended and run.engine.state.ended_early is bool(ended[-1])


@pytest.mark.parametrize(("best", "told"), [(10, True), (20, False)])
@pytest.mark.parametrize("patience", [0, 1])
def test_at_the_end_the_first_as_the_best_is_warned_of_and_not_before(
    tmp_path, caplog, best, told, patience
):
    caplog.set_level(logging.WARNING, "healthygan_monai")  # commands set it lower
    run = Run(tmp_path, 50 if patience else 30, patience=patience)
    for iteration in (10, 20, 30):
        assert caplog.text == ""
        run.judged(iteration, abs(iteration - best) + 1.0)
    if patience and best == 20:
        run.judged(40, 9.0)
    assert (FIRST_IS_BEST in caplog.text) is told


def test_a_checkpoint_that_is_judged_again_replaces_itself_and_what_came_later(tmp_path):
    """A run that goes on from an earlier checkpoint."""
    run = Run(tmp_path)
    run.judged(10, 3.0)
    run.judged(20, 1.0)
    run.judged(30, 2.0)
    assert run.judged(20, 2.0) == 20
    assert [(r.iteration, r.fid) for r in read_selection(tmp_path)] == [(10, 3), (20, 2)]


def test_subjects_that_judge_give_the_aucp_its_error(tmp_path):
    run = Run(tmp_path, criterion="aucp", judges=(8, 5))
    run.judged(10, 1.0, 0.8)
    (row,) = read_selection(tmp_path)
    assert row.aucp == 0.8 and row.aucp_error == pytest.approx(aucp_error(0.8, 8, 5))


def test_an_evaluator_run_on_its_own_judges_nothing(tmp_path):
    run = Run(tmp_path)
    run.handler(run.engine)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_criterion_is_refused_before_the_training(tmp_path):
    with pytest.raises(UsageError, match="criterion is 'auc'"):
        Run(tmp_path, criterion="auc")
