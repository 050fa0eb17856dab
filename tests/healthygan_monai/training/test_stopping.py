"""A stop by Ctrl-C or SIGTERM loses nothing, and a second process is kept out."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from ignite.engine import Events
from processes import warm_python
from same_files import differences
from tiny import TRAINING, train

from data_prep.files import read_json
from healthygan_monai.cli.main import main
from healthygan_monai.config.messages import root_cause
from healthygan_monai.config.workflow import make_workflow
from healthygan_monai.errors import Diverged
from healthygan_monai.paths import training_states
from healthygan_monai.training.stopping import Stopped

ITERATIONS = {"max_iterations": 9, "epoch_length": 3}
SEARCH = {
    **{"recipe": "pretrained", "critic": "paper", "price": "auto", "prices": [0.5, 2.0]},
    **{"price_folds": 2, "price_iterations": 2, "criterion": "aucp", "kept_out": 0.5},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_data) -> Path:
    return train(tmp_path_factory.mktemp("whole"), tiny_data, **ITERATIONS)


def workflow(runs: Path, data: Path, **overrides):
    settings = {**TRAINING, **ITERATIONS, "runs_dir": str(runs), "dataset_dir": str(data)}
    made = make_workflow("train.json", {**settings, **overrides}, "training")
    made.initialize()
    return made


def folder_of(made) -> Path:
    return made.parser.get_parsed_content("output_dir")


def resumed(run: Path, data: Path, **overrides) -> Path:
    made = workflow(run.parent, data, resume=str(run), **overrides)
    made.run()
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("iteration", [1, 5, 6, 9])  # 6 and 9 end an epoch
def test_a_signal_saves_at_the_next_safe_point_and_the_rest_is_the_same(
    whole, tiny_data, tmp_path, number, iteration
):
    before = signal.getsignal(number)
    made = workflow(tmp_path, tiny_data)
    made.parser.get_parsed_content("train#trainer").add_event_handler(
        Events.ITERATION_STARTED(once=iteration), lambda: os.kill(os.getpid(), number)
    )
    with pytest.raises(Stopped, match=f"iteration {iteration} of 9 is saved; to go on: healthygan"):
        made.run()
    run = folder_of(made)
    assert training_states(run)[-1].name == f"training_{iteration}.pt"
    assert signal.getsignal(number) is before
    assert read_json(run / "run.json")["finished"] is None
    assert differences(whole, resumed(run, tiny_data)) == []


def test_a_second_signal_ends_at_once(tiny_data, tmp_path):
    made = workflow(tmp_path, tiny_data)

    def twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    made.parser.get_parsed_content("train#trainer").add_event_handler(
        Events.ITERATION_STARTED(once=5), twice
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        made.run()
    assert not isinstance(caught.value, Stopped)
    assert training_states(folder_of(made))[-1].name == "training_3.pt"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_how_to_go_on(tiny_data, tmp_path, monkeypatch, capsys, number):
    from healthygan_monai.training.handlers import MetricsLog

    log = MetricsLog.__call__

    def then_stop(self, engine) -> None:
        log(self, engine)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(MetricsLog, "__call__", then_stop)
    words = [f"--set={k}={v}" for k, v in {**TRAINING, **ITERATIONS}.items() if k != "device"]
    runs = str(tmp_path / "my runs")
    assert main(["train", str(tiny_data), "--runs-dir", runs, "--device", "cpu", "-q", *words]) == 1
    (run,) = Path(runs).iterdir()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        f"stopped: iteration 1 of 9 is saved; to go on: healthygan train --resume '{run}'"
    )


def test_a_stop_during_the_price_search_keeps_its_trials(tiny_data, tmp_path, monkeypatch):
    from healthygan_monai.pretrained.price import PriceSearch

    straight = train(tmp_path / "straight", tiny_data, **ITERATIONS, **SEARCH)
    trial, done = PriceSearch.trial, []

    def third_is_stopped(self, *arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(arguments[1:])
        return trial(self, *arguments)

    monkeypatch.setattr(PriceSearch, "trial", third_is_stopped)
    made = workflow(tmp_path / "stopped", tiny_data, **SEARCH)
    with pytest.raises(KeyboardInterrupt):
        made.run()
    run = folder_of(made)
    assert len((run / "prices.csv").read_text().splitlines()) == 1 + 2
    monkeypatch.setattr(PriceSearch, "trial", trial)
    assert differences(straight, resumed(run, tiny_data, **SEARCH)) == []


def test_a_run_that_ended_early_is_not_trained_on_after_a_kill_before_its_end(tiny_data, tmp_path):
    """The kill comes between the last state and the note in run.json that the run has ended."""
    early = {"patience": 1, "criterion": "fid", "learning_rate": 1e-30, "max_iterations": 30}
    made = workflow(tmp_path, tiny_data, **early)
    made.run()
    run = folder_of(made)
    done = read_json(run / "run.json")["iterations"]
    assert 6 <= done < 30
    killed = shutil.copytree(run, tmp_path / "killed" / run.name)
    content = read_json(killed / "run.json")
    (killed / "run.json").write_text(json.dumps({**content, "finished": None}))
    assert differences(run, resumed(killed, tiny_data, **early)) == []
    assert read_json(killed / "run.json")["iterations"] == done


def test_old_states_that_a_kill_left_go_when_the_run_goes_on(whole, tiny_data, tmp_path):
    run = shutil.copytree(whole, tmp_path / whole.name)
    shutil.copyfile(run / "checkpoints/training_6.pt", run / "checkpoints/training_3.pt")
    assert differences(whole, resumed(run, tiny_data)) == []


SECOND = """
import sys
from healthygan_monai.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_two_processes_on_one_run_are_refused(whole, tiny_data, tmp_path):
    from healthygan_monai.runs import add_log_file

    run = shutil.copytree(whole, tmp_path / whole.name)
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file() and p.name != "log.txt"}
    add_log_file(run / "log.txt")  # as training does
    for words in (("train", "--resume", run), ("select", run)):
        done = warm_python("-c", SECOND, *words, code=2)
        assert f"{run}: another process is working on this run" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert before == {p: p.read_bytes() for p in before}
    add_log_file(tmp_path / "other.txt")
    warm_python("-c", SECOND, "select", run)


class TestKilledBeforeItBegan:
    @pytest.mark.parametrize("files", [(), ("log.txt",), ("log.txt", "run.json")])
    @pytest.mark.parametrize(
        "words",
        [("train", "--resume"), ("infer",), ("evaluate",), ("report",), ("select",), ("export",)],
    )
    def test_every_command_names_it(self, whole, tmp_path, capsys, files, words):
        run = tmp_path / "00000-films"
        run.mkdir()
        for name in files:
            shutil.copyfile(whole / name, run / name)
        more = ["onnx", str(run), str(tmp_path / "m.onnx")] if words == ("export",) else [str(run)]
        assert main([*words, *more, *(["--criterion", "aucp"] * (words == ("select",)))]) == 2
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert f"{run}: this run was stopped before its training began" in line

    def test_a_run_without_a_checkpoint_begins_again(self, whole, tiny_data, tmp_path):
        run = tmp_path / whole.name
        run.mkdir()
        for name in ("run.json", "config.json", "metrics.jsonl"):
            shutil.copyfile(whole / name, run / name)
        assert differences(whole, resumed(run, tiny_data)) == []

    def test_a_run_without_a_model_says_how_far_it_got(self, whole, tmp_path, capsys):
        run = tmp_path / whole.name
        shutil.copytree(whole, run, ignore=shutil.ignore_patterns("*.pt", "checkpoints"))
        content = read_json(run / "run.json")
        content.pop("iterations")
        (run / "run.json").write_text(json.dumps({**content, "finished": None}))
        for words in (["infer", run], ["export", "torchscript", run, tmp_path / "m.ts"]):
            assert main([*map(str, words)]) == 2
            (line,) = capsys.readouterr().err.splitlines()[-1:]
            assert "no such model; training has not finished: 0 of 9 iterations are done" in line
            assert f"healthygan train --resume {run}" in line


def test_every_later_command_says_that_training_has_not_finished(whole, tmp_path, capsys):
    run = shutil.copytree(whole, tmp_path / whole.name)
    content = read_json(run / "run.json")
    content.pop("iterations")
    (run / "checkpoints" / "training_9.pt").unlink()
    (run / "run.json").write_text(json.dumps({**content, "finished": None}))
    told = f"{run}: training has not finished: 6 of 9 iterations are done. To go on: healthygan"
    for words in (
        ["infer", run],
        ["evaluate", run, "--bootstrap", "20"],
        ["report", run],
        ["select", run],
        ["export", "torchscript", run, tmp_path / "m.ts"],
        ["export", "huggingface", tmp_path / "hf", "--model", run],
    ):
        assert main([*map(str, words), "-q"]) == 0
        assert told in capsys.readouterr().err, words
    card = (tmp_path / "hf/healthygan/README.md").read_text()
    assert "**Training has not finished:** 6 of 9" in card and "| iterations done | 6 |" in card
    html = (run / "report.html").read_text()
    assert "has run for 6 of 9 critic updates (training has not finished)" in html


@pytest.mark.parametrize("val_interval", [1, 3])  # 3: nobody judges the first checkpoint
def test_weights_that_are_not_finite_stop_before_they_are_saved(tiny_data, tmp_path, val_interval):
    made = workflow(tmp_path, tiny_data, val_interval=val_interval)
    generator = made.parser.get_parsed_content("network")

    def overflow() -> None:
        next(generator.parameters()).data.fill_(float("inf"))

    made.parser.get_parsed_content("train#trainer").add_event_handler(
        Events.ITERATION_COMPLETED(once=3), overflow
    )
    with pytest.raises(RuntimeError) as caught:
        made.run()
    assert isinstance(root_cause(caught.value), Diverged)
    assert not list((folder_of(made) / "checkpoints").glob("*.pt"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
def test_any_command_takes_sigterm_as_ctrl_c(tiny_data, tmp_path, monkeypatch, capsys):
    from healthygan_monai.cli import evaluate

    monkeypatch.setattr(evaluate, "dataset_of", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    (tmp_path / "config.json").write_text("{}")
    before = signal.getsignal(signal.SIGTERM)
    assert main(["evaluate", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "stopped\n"
    assert signal.getsignal(signal.SIGTERM) is before
