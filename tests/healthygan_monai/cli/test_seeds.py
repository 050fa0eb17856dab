"""``train --seeds`` and ``ensemble``: several runs, their mean, and how to go on after a stop."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TRAINING

import healthygan_monai as hg
from data_prep.files import read_json, sha256, write_json
from healthygan_monai.config import workflow
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.scoring import read_scores

SETTINGS = [f"--set={k}={v}" for k, v in TRAINING.items() if k != "device"] + ["--device=cpu"]
NAMES = ["00000-tiny", "00001-tiny"]


@pytest.fixture
def made(run, tiny_data, tmp_path):
    """(exit code, output, messages) of a training of seeds 0 and 1, and the folder of runs."""
    runs = tmp_path / "runs"
    return run("train", tiny_data, "--seeds", "0", "1", "--runs-dir", runs, *SETTINGS), runs


@pytest.mark.parametrize("more", [[], ["--seeds", "0", "1"]])
def test_a_file_that_is_missing_is_named_and_not_the_run(more, run, tiny_data, tmp_path):
    words = ["--set=recipe=pretrained", "--set=price=1", "--set=critic_backbone=missing.ts"]
    code, _, err = run("train", tiny_data, "--runs-dir", tmp_path / "runs", *words, *more, "-q")
    assert code != 0 and "error: critic_backbone missing.ts: no such file" in err


class TestTrainSeeds:
    def test_each_run_is_the_one_of_its_seed_and_their_mean_is_a_further_run(self, made, trained):
        (code, out, err), runs = made
        assert code == 0, err
        assert sorted(p.name for p in runs.iterdir()) == [*NAMES, "00002-tiny-ensemble"]
        first, alone = (torch.load(r / "model.pt") for r in (runs / NAMES[0], trained))
        assert all(torch.equal(first[name], alone[name]) for name in alone)
        assert read_json(runs / NAMES[1] / "config.json")["seed"] == 1
        folder = runs / "00002-tiny-ensemble"
        assert out.splitlines()[-3:] == [
            f"ensemble: the mean of {', '.join(NAMES)}",
            f"model: {folder / 'model.pt'}",
            f"next: healthygan infer {folder}",
        ]

    def test_the_commands_of_a_study_and_the_api_go_on_from_it(self, made, run, tiny_data):
        folder = made[1] / "00002-tiny-ensemble"
        assert run("infer", folder, "--device", "cpu")[0] == 0
        lines = (folder / "members.csv").read_text().splitlines()
        assert lines[0] == "section,image,member,seed,score"
        assert len(lines) == 1 + 2 * len(read_scores(folder / "scores.csv"))
        code, out, err = run("evaluate", folder, "--bootstrap", "20")
        assert code == 0, err
        assert "Spread of the AUC by image over seeds 0, 1: mean " in out
        code, out, err = run("report", folder)
        assert code == 0, err
        page = (folder / "report.html").read_text()
        assert "Spread of the AUC by image over seeds 0, 1: mean " in page
        assert "ensemble of seeds 0, 1" in page and "This was done 2 times (seeds 0, 1)." in page
        assert "Missing: metrics.jsonl" not in page
        assert "look in the runs of its members" in page
        model = hg.load_model(folder, device="cpu")
        first = read_scores(folder / "scores.csv")[0]
        with Image.open(tiny_data / first.image) as picture:
            assert model.translate(np.asarray(picture)).score == pytest.approx(first.score)
        code, _, err = run("select", folder)
        assert code == 2 and "an ensemble, which has no checkpoints" in err
        for more in ([], ["--dry-run"]):
            code, out, err = run("train", "--resume", folder, "--device", "cpu", *more)
            assert code == 2 and "an ensemble, which has no checkpoints" in err and out == ""

    def test_a_dry_run_shows_one_and_makes_nothing(self, run, tiny_data, tmp_path):
        words = ["--seeds", "4", "5", "--runs-dir", tmp_path / "runs", "-n", *SETTINGS]
        code, out, _ = run("train", tiny_data, *words)
        assert code == 0 and out.count("generator parameters") == 1
        assert "seed                       4" in out
        assert out.endswith("the same for each of the seeds 4, 5; then their ensemble is made\n")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            ("--seeds 3", "needs two or more; for one run: --seed 3"),
            ("--seeds 0 1 0", "given twice: 0"),
            ("--seeds 0 1 --seed 2", "give either --seeds or one seed"),
            ("--seeds 0 1 --set seed=2", "give either --seeds or one seed"),
            ("--seeds 0 1 --method padim", "only for healthygan, not padim"),
            ("--seeds 0 1 --resume runs/00000-x", "resume one run at a time"),
        ],
    )
    def test_what_does_not_go_together_is_refused_in_a_line(self, run, tmp_path, words, why):
        code, _, err = run("train", tmp_path / "data", "--runs-dir", tmp_path, *words.split())
        assert code == 2 and why in err and err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []


class TestStopped:
    @pytest.fixture
    def stop_in(self, monkeypatch):
        """stop_in(k, done): the k-th training is stopped, before its first step or at its end."""

        def arrange(number: int, done: bool) -> None:
            made, make = [], workflow.make_workflow

            def stopping(*words, **more):
                flow = make(*words, **more)
                made.append(flow)
                if len(made) == number:
                    whole = flow.run

                    def stopped():
                        if done:
                            whole()
                            path = flow.parser.get_parsed_content("output_dir") / "run.json"
                            write_json(path, {**read_json(path), "finished": None})
                        raise KeyboardInterrupt

                    flow.run = stopped
                return flow

            monkeypatch.setattr(workflow, "make_workflow", stopping)

        return arrange

    def test_the_commands_that_are_told_finish_it(self, stop_in, run, tiny_data, tmp_path):
        stop_in(2, True)
        runs = tmp_path / "runs"
        words = ("train", tiny_data, "--seeds", "0", "1", "--runs-dir", runs, *SETTINGS)
        code, _, err = run(*words)
        assert code == 1
        told = [line.split() for line in err.splitlines() if line.startswith("  healthygan ")]
        assert told == [
            ["healthygan", "train", "--resume", str(runs / NAMES[1])],
            ["healthygan", "ensemble", *(str(runs / name) for name in NAMES)],
        ]
        for _, *command in told:
            code, _, err = run(*command, *(["--device=cpu"] if command[0] == "train" else []))
            assert code == 0, err
        assert (runs / "00002-tiny-ensemble" / "model.pt").is_file()

    def test_seeds_without_a_checkpoint_begin_again(self, stop_in, run, tiny_data, tmp_path):
        stop_in(2, False)
        runs = tmp_path / "runs"
        words = ("--seeds", "0", "1", "2", "--runs-dir", runs, *SETTINGS)
        code, _, err = run("train", tiny_data, *words)
        assert code == 1 and "--resume" not in err
        assert "--seed 1 in place of --seeds" in err and "--seed 2 in place of --seeds" in err
        assert f"healthygan ensemble {runs / NAMES[0]} RUN RUN" in err

    def test_a_run_that_diverged_is_not_to_be_resumed(self, run, tiny_data, tmp_path):
        words = ("--seeds", "0", "1", "--runs-dir", tmp_path / "runs", *SETTINGS)
        code, _, err = run("train", tiny_data, *words, "--set", "learning_rate=1e30")
        assert code == 1 and "the training diverged" in err
        assert "--resume" not in err and "to go on" not in err

    def test_nothing_to_keep_needs_no_word(self, stop_in, run, tiny_data, tmp_path):
        stop_in(1, False)
        words = ("--seeds", "0", "1", "--runs-dir", tmp_path / "runs", *SETTINGS)
        _, _, err = run("train", tiny_data, *words)
        assert "to go on" not in err and err.endswith("stopped\n")


class TestEnsemble:
    @pytest.fixture
    def other(self, own_run: Path) -> Path:
        """A run beside it, of other weights."""
        folder = shutil.copytree(own_run, own_run.parent / "00001-tiny")
        weights = torch.load(folder / "model.pt")
        torch.save({name: value * 1.5 for name, value in weights.items()}, folder / "model.pt")
        record_sums(folder)
        return folder

    def test_takes_runs_and_files_of_runs(self, run, own_run, other, tmp_path):
        words = (own_run, other / "model.pt", "--runs-dir", tmp_path / "here")
        code, out, err = run("ensemble", *words)
        assert code == 0, err
        folder = tmp_path / "here" / "00000-tiny-ensemble"
        assert f"next: healthygan infer {folder}" in out
        hashes = [m["weights_sha256"] for m in read_json(folder / "run.json")["members"]]
        assert hashes == [sha256(run / "model.pt") for run in (own_run, other)]

    def test_says_in_a_line_why_not(self, run, own_run, other):
        code, _, err = run("ensemble", own_run, own_run)
        assert code == 2 and "is given twice" in err.splitlines()[-1]
        assert err.count("error: ") == 1
        code, _, err = run("ensemble", own_run)
        assert code == 2 and "two or more runs; 1 given" in err
        code, _, err = run("ensemble", own_run, own_run.parent / "absent")
        assert code == 2 and "no such run folder" in err
