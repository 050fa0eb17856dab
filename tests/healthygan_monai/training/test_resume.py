"""Going on after a stop equals never having stopped."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ignite.engine import Events
from places import CONFIGS
from processes import warm_python
from same_files import differences
from tiny import TRAINING, metrics, train, write_dataset

from data_prep.files import _machine
from healthygan_monai.config.messages import root_cause
from healthygan_monai.config.workflow import make_workflow
from healthygan_monai.paths import training_states
from healthygan_monai.training.checkpoints import RandomState

ITERATIONS = {"max_iterations": 9, "epoch_length": 3}  # checkpoints fall on odd iterations too
KILL = (
    "$@train#trainer.add_event_handler(Events.ITERATION_COMPLETED(once=5), "
    "lambda: os.kill(os.getpid(), 9))"
)


class Stop(Exception):
    """The end of a process, as far as a test can have one inside of its own."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_data) -> Path:
    """A run that was never stopped."""
    return train(tmp_path_factory.mktemp("whole"), tiny_data, **ITERATIONS)


def workflow(runs: Path, data: Path, **overrides):
    settings = {**TRAINING, **ITERATIONS, "runs_dir": str(runs), "dataset_dir": str(data)}
    made = make_workflow("train.json", {**settings, **overrides}, "training")
    made.initialize()
    return made


def stopped(runs: Path, data: Path, when, **overrides) -> Path:
    """The folder of a run that ended with an error; ``when`` gets its workflow to arrange that."""
    made = workflow(runs, data, **overrides)
    when(made)
    with pytest.raises(Exception) as caught:
        made.run()
    assert isinstance(caught.value.__cause__, Stop), caught.value
    return made.parser.get_parsed_content("output_dir")


def stop_at(iteration: int):
    def arrange(made) -> None:
        trainer = made.parser.get_parsed_content("train#trainer")
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=iteration), stop)

    return arrange


def stop(*_) -> None:
    raise Stop


def resumed(run: Path, data: Path, **overrides) -> Path:
    made = workflow(run.parent, data, resume=str(run), **overrides)
    made.run()
    assert made.parser.get_parsed_content("output_dir") == run
    return run


def assert_same(first, second, where="") -> None:
    """Equal to the last bit, through dictionaries and lists."""
    assert type(first) is type(second), where
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            assert_same(first[key], second[key], f"{where}/{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for i, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_same(a, b, f"{where}/{i}")
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    else:
        assert first == second, where


def assert_same_run(first: Path, second: Path) -> None:
    """The same model, the same choice, the same losses, the same state to go on from: every byte.

    Times are in run.json, log.txt and TensorBoard's files alone.
    """
    assert [r["iteration"] for r in metrics(second)] == list(range(1, 10))
    assert differences(first, second) == []


@pytest.mark.parametrize("iteration", [2, 4, 6, 8])  # checkpoints after 3, 6 and 9
def test_a_run_stopped_anywhere_ends_as_if_it_never_had(whole, tiny_data, tmp_path, iteration):
    run = stopped(tmp_path, tiny_data, stop_at(iteration))
    assert_same_run(whole, resumed(run, tiny_data))


@pytest.mark.parametrize("lost", [True, False])
def test_a_run_that_goes_on_without_its_selection_says_so(tiny_data, tmp_path, caplog, lost):
    run = stopped(tmp_path, tiny_data, stop_at(4))
    if lost:
        (run / "selection.csv").unlink()
    resumed(run, tiny_data)
    assert ("has no row of the checkpoints up to iteration 3" in caplog.text) is lost


def test_stopped_twice(whole, tiny_data, tmp_path):
    run = stopped(tmp_path, tiny_data, stop_at(5))
    assert stopped(tmp_path, tiny_data, stop_at(8), resume=str(run)) == run
    assert_same_run(whole, resumed(run, tiny_data))
    assert len(json.loads((run / "run.json").read_text())["resumed"]) == 2


def test_stopped_between_saving_a_checkpoint_and_judging_it(whole, tiny_data, tmp_path):
    def arrange(made) -> None:
        made.parser.get_parsed_content("state")  # networks first, as a run: MONAI's loaders reseed
        evaluator = made.parser.get_parsed_content("validate#evaluator")
        evaluator.add_event_handler(
            Events.STARTED, lambda e: stop() if e.state.max_epochs == 2 else None
        )

    run = stopped(tmp_path, tiny_data, arrange)
    assert (run / "checkpoints" / "generator_0000006.pt").is_file()
    assert_same_run(whole, resumed(run, tiny_data))


def test_stopped_between_judging_a_checkpoint_and_saving_the_state(whole, tiny_data, tmp_path):
    def arrange(made) -> None:
        trainer = made.parser.get_parsed_content("train#trainer")
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), stop)

    run = stopped(tmp_path, tiny_data, arrange)
    assert len((run / "selection.csv").read_text().splitlines()) == 1 + 2
    assert [p.name for p in training_states(run)] == ["training_3.pt"]
    assert_same_run(whole, resumed(run, tiny_data))


def test_later_pairs_are_those_of_an_uninterrupted_run(tiny_data, tmp_path):
    def batches(made) -> dict[int, dict[str, torch.Tensor]]:
        trainer, seen = made.parser.get_parsed_content("train#trainer"), {}
        trainer.add_event_handler(
            Events.ITERATION_STARTED, lambda e: seen.update({e.state.iteration: e.state.batch})
        )
        return seen

    straight = workflow(tmp_path / "a", tiny_data)
    expected = batches(straight)
    straight.run()
    run = stopped(tmp_path / "b", tiny_data, stop_at(7))
    rest = workflow(run.parent, tiny_data, resume=str(run))
    found = batches(rest)
    rest.run()
    assert sorted(found) == [7, 8, 9] and sorted(expected) == list(range(1, 10))
    assert_same(found, {k: expected[k] for k in found})


def test_a_finished_run_resumed_changes_nothing(whole, tiny_data, tmp_path):
    run = shutil.copytree(whole, tmp_path / "runs" / whole.name)
    before = {p: p.read_bytes() for p in run.rglob("*.pt")}
    assert_same_run(whole, resumed(run, tiny_data))
    assert {p: p.read_bytes() for p in run.rglob("*.pt")} == before


def test_what_a_killed_process_left_half_written_is_removed(whole, tiny_data, tmp_path):
    run = stopped(tmp_path, tiny_data, stop_at(5))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in ("checkpoints/training_5.pt", "run.json", "samples/iter_0000005.png"):
        part = run / f"{name}.{_machine()}-{dead.pid}.tmp"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(b"half a checkpo")
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"iteration": 6, "loss_')
    assert_same_run(whole, resumed(run, tiny_data))


class TestRefusals:
    def messages(self, run: Path, data: Path, **overrides) -> str:
        with pytest.raises(RuntimeError) as caught:
            resumed(run, data, **overrides)
        return str(root_cause(caught.value))

    def test_other_data_is_named(self, whole, tmp_path):
        run = shutil.copytree(whole, tmp_path / whole.name)
        other = write_dataset(tmp_path / "other", bit_depth=16)
        assert "data_hash: " in self.messages(run, other)

    def test_a_checkpoint_of_other_networks(self, whole, tiny_data, tmp_path):
        run = shutil.copytree(whole, tmp_path / whole.name)
        path = training_states(run)[-1]
        content = torch.load(path, weights_only=True)
        content["generator"].pop("main.0.weight")
        torch.save(content, path)
        assert "does not fit this training" in self.messages(run, tiny_data)

    def test_other_settings_are_named(self, whole, tiny_data, tmp_path):
        run = shutil.copytree(whole, tmp_path / whole.name)
        message = self.messages(run, tiny_data, lambda_id=2, seed=1)
        assert re.search(r"lambda_id: 1(\.0)? then, 2 now; seed: 0 then, 1 now", message)
        assert message.count(" then, ") == 2

    def test_a_run_whose_checkpoints_are_all_damaged(self, whole, tiny_data, tmp_path):
        run = shutil.copytree(whole, tmp_path / whole.name)
        for path in training_states(run):
            path.write_bytes(b"not a checkpoint")
        assert "can be read" in self.messages(run, tiny_data)


def test_checkpoints_hold_no_code(whole):
    for path in [*(whole / "checkpoints").glob("*.pt"), whole / "model.pt"]:
        assert torch.load(path, weights_only=True)


def test_the_last_two_states_and_every_generator_are_kept(whole):
    names = sorted(p.name for p in (whole / "checkpoints").iterdir())
    generators = [f"generator_000000{i}.pt" for i in (3, 6, 9)]
    assert names == [*generators, "training_6.pt", "training_9.pt"]


def test_random_state_is_restored_for_python_numpy_and_pytorch():
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.normal()), float(torch.rand(()))

    draw()
    state = RandomState().state_dict()
    expected = draw()
    RandomState().load_state_dict(state)
    assert draw() == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_a_process_killed_in_the_middle_is_resumed_to_the_same_weights(whole, tiny_data, tmp_path):
    """``python -m monai.bundle run training`` killed in iteration 5 goes on from iteration 3."""
    config = {
        **TRAINING,
        **ITERATIONS,
        "runs_dir": str(tmp_path / "runs"),
        "dataset_dir": str(tiny_data),
        "bundle_root": str(CONFIGS.parent),
        "+imports": ["$from ignite.engine import Events"],
        "+initialize": [KILL],
    }
    (tmp_path / "kill.json").write_text(json.dumps(config))
    files = [str(CONFIGS / "train.json"), str(tmp_path / "kill.json")]
    words = ("-m", "monai.bundle", "run", "training", "--config_file", str(files))
    warm_python(*words, code=-9, cwd=CONFIGS.parents[1])
    (run,) = (tmp_path / "runs").iterdir()
    assert [p.name for p in training_states(run)] == ["training_3.pt"]
    assert_same_run(whole, resumed(run, tiny_data))


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(whole, tiny_data, tmp_path):
    run = shutil.copytree(whole, tmp_path / whole.name)
    newest = training_states(run)[-1]
    newest.write_bytes(b"not a checkpoint")
    assert_same_run(whole, resumed(run, tiny_data))
