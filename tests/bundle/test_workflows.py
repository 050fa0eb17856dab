"""The configs run: training, inference and evaluation, and what they say where they cannot."""

import json
import runpy
import sys
from pathlib import Path

import monai.bundle
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image
from places import CONFIGS
from tiny import TRAINING, forget_ranks, metrics, train, write_dataset

from healthygan_monai.config.messages import root_cause
from healthygan_monai.config.workflow import make_workflow, run_config
from healthygan_monai.scoring import read_scores

CPU = "$torch.device('cpu')"


def evaluate(model: Path, data: Path, output: Path, **overrides) -> dict:
    settings = {"checkpoint": str(model), "dataset_dir": str(data), "output_dir": str(output)}
    run_config("evaluate.json", {"bootstrap": 50, **settings, "device": CPU, **overrides})
    return json.loads((output / "evaluation.json").read_text())


def refusal(data: Path | str, runs: Path, **overrides) -> str:
    """The message of a training that must not begin; nothing is left behind by it."""
    with pytest.raises(RuntimeError) as caught:
        train(runs, data, **overrides)
    assert not list(runs.rglob("model.pt")) and not list(runs.rglob("generator_*"))
    return str(root_cause(caught.value))


class TestTraining:
    def test_metrics_hold_every_loss_and_follow_the_schedule(self, trained):
        rows = metrics(trained)
        assert [r["iteration"] for r in rows] == [1, 2, 3, 4, 5, 6]
        assert {"loss_d", "loss_g", "gp", "g_focus", "mask_mean", "lr"} <= set(rows[-1])
        # decays over the last 2 of 6: what is logged is the rate of the next update
        assert [r["lr"] for r in rows] == pytest.approx([1e-4] * 4 + [5e-5, 0])

    def test_options_of_the_method_reach_it(self, trained, tiny_data, tmp_path):
        run = train(tmp_path, tiny_data, lambda_adv_healthy=0, reconstruction_moves_mask=False)
        rows = metrics(run)
        assert {r["g_adv_healthy"] for r in rows[1:]} == {0}
        config = json.loads((run / "config.json").read_text())
        assert (config["lambda_adv_healthy"], config["reconstruction_moves_mask"]) == (0, False)

    def test_monais_way_to_shorten_a_training(self, tiny_data, tmp_path):
        run = train(tmp_path, tiny_data, **{"train#trainer#max_epochs": 1})
        assert [p.name for p in (run / "checkpoints").glob("generator*")] == [
            "generator_0000002.pt"
        ]

    def test_lists_of_other_programs_take_the_place_of_ours(self, tiny_data, tmp_path):
        """MONAI Label overrides ``train#dataset#data``; labels it may bring are not looked at."""
        items = [
            {"image": str(tiny_data / "images" / f"mixed{i}" / "0.png"), "label": 1}
            for i in range(2)
        ]
        assert (train(tmp_path, tiny_data, **{"train#dataset#data": items}) / "model.pt").is_file()

    def test_several_ranks_of_one_process(self, trained, tiny_data, tmp_path, monkeypatch):
        """multi_gpu_train.json in torchrun's only process: the result of training alone."""
        for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1",
                            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        settings = {k: v for k, v in TRAINING.items() if k != "device"}
        workflow = ConfigWorkflow(
            [str(CONFIGS / "train.json"), str(CONFIGS / "multi_gpu_train.json")],
            logging_file=False,
            bundle_root=str(CONFIGS.parent),
            dataset_dir=str(tiny_data),
            runs_dir=str(tmp_path),
            **settings,
        )
        try:
            workflow.initialize()
            workflow.run()
            workflow.finalize()
            assert not torch.distributed.is_initialized()
        finally:
            forget_ranks()
        (run,) = tmp_path.iterdir()
        ours, alone = (torch.load(r / "model.pt", weights_only=True) for r in (run, trained))
        assert ours.keys() == alone.keys()
        for name in alone:
            torch.testing.assert_close(ours[name], alone[name], rtol=0, atol=1e-6)


class TestRefusals:
    """One clear message before any work."""

    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            ({"lamda_gp": 5}, "unknown config key 'lamda_gp', did you mean 'lambda_gp'?"),
            ({"image_size": 30}, "image_size is 30"),
            ({"focus_reduction": "mean"}, "focus_reduction is 'mean'"),
            ({"lr_schedule": "cosine"}, "lr_schedule is 'cosine'"),
            ({"decay_iterations": 7}, "decay_iterations is 7"),
            ({"fid_features": "inception"}, "fid_features is 'inception'"),
            ({"batch_size": 0}, "batch_size is 0"),
            ({"n_critic": 0}, "n_critic is 0"),
            (
                {"generator_channels": 0},
                "generator_channels is 0; expected a whole number, 1 or more",
            ),
        ],
    )
    def test_of_settings(self, tiny_data, tmp_path, overrides, message):
        assert message in refusal(tiny_data, tmp_path / "runs", **overrides)

    def test_of_a_data_set_with_files_missing_all_at_once(self, tmp_path):
        data = write_dataset(tmp_path / "data")
        for name in ("mixed1", "test2"):
            (data / "images" / name / "0.png").unlink()
        message = refusal(data, tmp_path / "runs")
        assert "images/mixed1/0.png" in message and "images/test2/0.png" in message

    def test_of_a_data_set_with_an_unknown_protocol(self, tmp_path):
        data = write_dataset(tmp_path / "data", protocol="covidxx")
        assert "did you mean 'covidx'?" in refusal(data, tmp_path / "runs")


class TestProtocol:
    def test_its_plan_is_what_training_uses_unless_overridden(self, tmp_path):
        data = write_dataset(tmp_path / "data", size=64, protocol="chestxray14")
        workflow = make_workflow(
            "train.json", {"dataset_dir": str(data), "lambda_gp": 3, "device": CPU}
        )
        workflow.parser.parse(reset=True)
        found = workflow.parser.get_parsed_content("settings")
        assert (found["image_size"], found["batch_size"]) == (64, 32)
        assert (found["max_iterations"], found["decay_iterations"]) == (400_000, 100_000)
        assert (found["epoch_length"], found["n_critic"], found["lambda_gp"]) == (10_000, 2, 3)
        assert (found["generator_channels"], found["critic_layers"]) == (64, 5)
        assert workflow.parser.get_parsed_content("train#trainer#max_epochs") == 40

    @pytest.mark.parametrize(
        ("given", "warmup"),
        [({}, 200), ({"max_iterations": 900}, 450), ({"max_iterations": 20, "price": 3}, 15),
         ({"recipe": "paper"}, 0)],
    )  # fmt: skip
    def test_a_price_rises_over_half_of_the_run(self, given, warmup, tiny_data):
        workflow = make_workflow(
            "train.json", {"dataset_dir": str(tiny_data), "device": CPU, **given}
        )
        workflow.parser.parse(reset=True)
        assert workflow.parser.get_parsed_content("price_warmup") == warmup


class TestEvaluation:
    def test_the_whole_chain_from_files_to_a_number_known_beforehand(self, trained, tmp_path):
        """A generator whose last layer is zero says mid-grey and a half-open mask for every pixel.

        The score is then a quarter of the mean distance from mid-grey, and the squares are further
        from it than what they cover.
        """
        weights = torch.load(trained / "model.pt", weights_only=True)
        last = [name for name in weights if name.endswith(".weight")][-1]
        torch.save({**weights, last: torch.zeros_like(weights[last])}, tmp_path / "model.pt")
        data = write_dataset(tmp_path / "data")
        found = evaluate(tmp_path / "model.pt", data, tmp_path / "out", image_size=32)
        assert found["levels"]["image"]["auc"]["value"] == 1
        assert not (tmp_path / "out" / "pictures").exists()
        for row in read_scores(tmp_path / "out" / "scores.csv"):
            pixels = np.asarray(Image.open(data / row.image)) / 127.5 - 1
            assert row.score == pytest.approx(np.abs(pixels).mean() / 4, rel=1e-4)


def test_monais_command_ends_with_one_line_for_a_misspelt_key(
    tiny_data, tmp_path, monkeypatch, capsys
):
    """``python -m monai.bundle run training ... --lamda_gp 5``, in this process."""
    words = ["run", "training", "--config_file", str(CONFIGS / "train.json"), "--lamda_gp", "5"]
    words += ["--bundle_root", str(CONFIGS.parent), "--logging_file", "False"]
    words += ["--dataset_dir", str(tiny_data), "--runs_dir", str(tmp_path)]
    command = Path(monai.bundle.__file__).with_name("__main__.py")
    monkeypatch.setattr(sys, "argv", [str(command), *words])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(RuntimeError) as caught:
        runpy.run_path(str(command), run_name="__main__")
    capsys.readouterr()
    sys.excepthook(caught.type, caught.value, caught.tb)
    message = "error: unknown config key 'lamda_gp', did you mean 'lambda_gp'?"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
    assert not list(tmp_path.iterdir())
