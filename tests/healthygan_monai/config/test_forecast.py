"""The plan before a run: its arithmetic with given seconds, and that measuring changes nothing."""

import logging
from dataclasses import replace

import pytest
import torch
from tiny import TRAINING, metrics, train

from data_prep.work.progress import span
from healthygan_monai.cli.main import main
from healthygan_monai.config.forecast import Forecast, Pace
from healthygan_monai.paths import iterations_done, run_of

PAPER = Forecast(
    recipe="paper",
    translation="masked",
    image_size=256,
    image_channels=1,
    batch_size=16,
    max_iterations=400_000,
    epoch_length=10_000,
    done=0,
    price=1.0,
    trials=0,
    trial_iterations=200,
    trial_share=0.5,
    sizes="generator of 64 channels, 6 blocks",
    kept_out="nobody",
    pace=Pace(seconds=0.5, memory=9_000_000_000, device="cuda", iterations=2),
)
SEARCHED = replace(
    PAPER,
    **{"recipe": "pretrained", "max_iterations": 600, "epoch_length": 50, "price": "auto"},
    trials=10,
)
SETTINGS = [f"--set={k}={v}" for k, v in TRAINING.items() if k not in ("device", "recipe")]
PRETRAINED = {
    **{"recipe": "pretrained", "critic_backbone": "resnet18", "critic_weights": "random"},
    **{"critic_size": 32, "critic_channels": 4, "kept_out": 0.4, "critic_dropout": 0.5},
    **{"prices": [1.0, 2.0], "price_iterations": 2, "price_folds": 1, "log_interval": 1},
}


class TestTimes:
    def test_are_iterations_times_seconds(self):
        assert (PAPER.to_checkpoint, PAPER.to_end, PAPER.search) == (5_000, 200_000, 0)

    def test_begin_with_the_trials_of_the_price(self):
        assert SEARCHED.search == 10 * 200 * 0.25  # a trial has half of a batch
        assert (SEARCHED.to_checkpoint, SEARCHED.to_end) == (500 + 25, 500 + 300)

    def test_of_a_run_that_goes_on_are_of_what_is_left(self):
        left = replace(PAPER, done=390_001)
        assert (left.to_checkpoint, left.to_end) == (9_999 * 0.5, 9_999 * 0.5)
        left = replace(PAPER, max_iterations=25, epoch_length=10, done=20)
        assert left.to_checkpoint == 5 * 0.5

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(42, "42 s"), (300, "5 min"), (17 * 3600, "17 h"), (3 * 24 * 3600, "3 days")],
    )
    def test_in_words(self, seconds, words):
        assert span(seconds) == words


class TestRows:
    def test_name_the_other_recipe_and_every_size(self):
        rows = dict(PAPER.rows())
        assert rows["recipe"] == "paper (another: --set recipe=pretrained)"
        assert rows["images"] == "256 x 256 x 1, in batches of 16"
        assert rows["iterations"] == "400000; a checkpoint every 10000"
        assert rows["price of a change"] == "fixed at 1"
        assert rows["memory"] == "9.0 GB at the peak (cuda)"
        assert rows["next checkpoint"] == "in about 83 min"

    def test_say_what_the_price_search_costs(self):
        rows = dict(SEARCHED.rows())
        assert rows["price of a change"] == "searched: at most 10 trials of 200 iterations"
        assert "8 min of them for the price search" in rows["end"]
        assert dict(replace(SEARCHED, trials=0, done=50).rows())["price of a change"] == (
            "searched already"
        )


class TestWarning:
    def test_of_more_than_a_day_names_the_shorter_ways(self):
        text = PAPER.warning()
        assert text is not None and text.startswith("the end is 2 days away.")
        assert "--set recipe=pretrained" in text and "--set max_iterations=172800" in text
        assert "GPU" not in text

    def test_on_a_cpu_names_a_gpu_and_a_short_recipe_no_other(self):
        slow = replace(SEARCHED, pace=Pace(60.0, None, "cpu", 2), trials=0)
        assert slow.warning() is None
        text = replace(slow, max_iterations=2_000).warning()
        assert text is not None and "GPU" in text and "recipe" not in text
        assert "max_iterations=1440" in text

    def test_is_none_of_a_day_or_less(self):
        assert replace(PAPER, max_iterations=172_800).warning() is None


class TestMeasuring:
    def test_changes_no_weight_and_no_random_number(self, tiny_data, tmp_path, monkeypatch, caplog):
        """With drop-out, training draws from PyTorch's global generator."""
        caplog.set_level(logging.INFO)
        measured = train(tmp_path, tiny_data, **PRETRAINED)
        monkeypatch.setattr("healthygan_monai.bundle_api.log_forecast", lambda: None)
        without = train(tmp_path, tiny_data, **PRETRAINED)
        ours, theirs = (
            torch.load(run / "checkpoints" / "training_6.pt", weights_only=True)
            for run in (measured, without)
        )
        for part in ("generator", "critic", "average"):
            assert all(torch.equal(ours[part][key], theirs[part][key]) for key in theirs[part])
        assert torch.equal(ours["random"]["torch"], theirs["random"]["torch"])
        losses = [[row["loss_g"] for row in metrics(run)] for run in (measured, without)]
        assert losses[0] == losses[1]
        first, second = ((run / "log.txt").read_text() for run in (measured, without))
        assert "kept out of training: 6 of 11 subjects" in first
        assert "an iteration: " in first and "an iteration: " not in second
        assert first.index("an iteration: ") < first.index("AUCp")  # before the price search

    def test_that_gives_no_finite_numbers_names_the_files_that_were_given(
        self, tiny_data, tmp_path, capsys
    ):
        """A network of the user's own may give NaN; no step of the training has been made."""

        class Maps(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
                small = torch.nn.functional.avg_pool2d(x, 4) * float("nan")
                return [small, torch.nn.functional.avg_pool2d(small, 2)]

        torch.jit.script(Maps()).save(tmp_path / "nan.ts")
        settings = {**PRETRAINED, "critic_backbone": tmp_path / "nan.ts", "price": 1}
        del settings["critic_weights"], settings["prices"]
        words = [f"--set={key}={value}" for key, value in settings.items()]
        assert main(["train", str(tiny_data), "--runs-dir", str(tmp_path / "r"), *words, "-q"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "with random images, before it began: " in line and "critic_backbone" in line

    def test_is_not_done_for_a_complete_run(self, own_run, tiny_data, monkeypatch):
        assert iterations_done(own_run) == 6
        monkeypatch.setattr(
            "healthygan_monai.config.forecast.forecast_of", lambda _: pytest.fail("measured")
        )
        train(own_run.parent, tiny_data, resume=str(own_run))


class TestCommand:
    def test_says_why_nobody_is_kept_out(self, tiny_data, tmp_path, capsys):
        words = ["train", str(tiny_data), "-n", "--device=cpu", *SETTINGS]
        words += ["--set=critic_backbone=resnet18", "--set=critic_weights=random"]
        assert main([*words, f"--runs-dir={tmp_path / 'runs'}"]) == 0
        assert (
            "nobody, since fewer than 10 subjects of a section would judge"
            in capsys.readouterr().out
        )

    def test_a_dry_run_shows_plan_and_pace(self, tiny_data, tmp_path, capsys):
        words = ["train", str(tiny_data), "-n", "--recipe=paper", "--device=cpu", *SETTINGS]
        assert main([*words, f"--runs-dir={tmp_path / 'runs'}"]) == 0
        lines = capsys.readouterr().out.splitlines()
        rows = {line[:26].strip(): line[26:].strip() for line in lines[lines.index("") :]}
        assert rows["iterations"] == "6; a checkpoint every 2"
        assert rows["kept out of training"] == "nobody"
        assert "s, measured on 2 batches of random images" in rows["an iteration"]
        assert not (tmp_path / "runs").exists()

    def test_where_one_round_is_slow_it_is_enough(self, tiny_data, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr("healthygan_monai.config.forecast.SLOW", 0)
        words = ["train", str(tiny_data), "-n", "--recipe=paper", "--device=cpu", *SETTINGS]
        assert main([*words, "--set=n_critic=1"]) == 0
        said = capsys.readouterr()
        assert "s, measured on 1 batch of random images" in said.out
        first, second = said.err.splitlines()[-2:]  # told before a whole batch is measured
        assert first == "measuring the pace of this machine"
        assert second.startswith("an iteration takes up to ") and "all of them" in second

    def test_a_dry_run_refuses_what_training_would(self, tiny_data, capsys):
        words = ["train", str(tiny_data), "-n", "--recipe=paper", "--device=cpu", *SETTINGS]
        assert main([*words, "--set=image_size=30"]) == 2
        assert "expected a multiple of 4" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("more", "text"),
        [
            (["--recipe=papr"], "did you mean 'paper'?"),
            (["--recipe=paper", "--set=recipe=pretrained"], "give one"),
            (["--recipe=paper", "--method=padim"], "--recipe: only for healthygan"),
        ],
    )
    def test_a_recipe_that_cannot_be_is_refused(self, more, text, tiny_data, tmp_path, capsys):
        words = ["train", str(tiny_data), f"--runs-dir={tmp_path / 'runs'}", "--device=cpu", *more]
        assert main(words) == 2
        assert text in capsys.readouterr().err

    def test_a_run_is_by_the_named_recipe(self, tiny_data, tmp_path, capsys):
        words = ["train", str(tiny_data), f"--runs-dir={tmp_path}", "--device=cpu", *SETTINGS]
        assert main([*words, "--recipe=paper"]) == 0
        assert '"recipe": "paper"' in (run_of(tmp_path / "00000-tiny") / "config.json").read_text()
