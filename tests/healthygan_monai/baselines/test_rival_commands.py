"""Every rival through the commands of a study: train, infer, evaluate, report."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from processes import warm_python
from tiny import metrics
from tiny_detectors import GANS, TINY

from healthygan_monai.baselines.registry import DETECTORS, load_detector
from healthygan_monai.config.messages import root_cause
from healthygan_monai.config.workflow import run_config
from healthygan_monai.scoring import read_scores


def training(method: str, data: Path, runs: Path, *more: str | Path) -> list[str | Path]:
    """Words that fit the method as tiny_detectors does."""
    settings = dict(TINY[method])
    weights = ["--weights", settings.pop("weights")] if "weights" in settings else []
    chosen = [f"--set={key}={value}" for key, value in settings.items()]
    return [
        *("train", data, "--method", method, "--runs-dir", runs, "--device=cpu"),
        *(*chosen, *weights, *more),
    ]


def read(path: Path) -> dict:
    return json.loads(path.read_text())


@pytest.mark.parametrize("method", sorted(DETECTORS))
def test_from_a_data_set_to_a_report_each_naming_the_next(method, run, tiny_data, tmp_path):
    code, out, err = run(*training(method, tiny_data, tmp_path, "--seed", "3"))
    assert code == 0, err
    folder = tmp_path / f"00000-tiny-{method}"
    assert out.splitlines()[-2:] == [
        f"model: {folder / 'model.pt'}",
        f"next: healthygan infer {folder}",
    ]
    config, facts = read(folder / "config.json"), read(folder / "run.json")
    assert (config["method"], config["seed"]) == (method, 3)
    assert facts["finished"] and facts["data_hash"] == config["data_hash"]
    assert facts["detector"] == json.loads(json.dumps(load_detector(folder / "model.pt").facts()))
    assert (folder / "log.txt").is_file()

    code, out, err = run("infer", folder, "--device=cpu")
    assert code == 0, err
    rows = read_scores(folder / "scores.csv")
    named = "resnet18[random]" if "backbone" in TINY[method] else ""
    assert {(r.method, r.seed, r.backbone) for r in rows} == {(method, 3, named)}
    assert [r.section for r in rows] == ["validation"] * 4 + ["test"] * 4
    pictures = list((folder / "pictures").rglob("*_difference.png"))
    assert len(pictures) == (8 if DETECTORS[method].has_map else 0)
    assert (folder / "localisation.json").is_file() == DETECTORS[method].has_map

    code, out, err = run("evaluate", folder, "--bootstrap", "50", "--no-probes")
    assert code == 0, err
    evaluation = read(folder / "evaluation.json")
    assert (evaluation["method"], evaluation["backbone"]) == (method, named or None)
    assert evaluation["provenance"]["detector"] == facts["detector"]
    code, out, err = run("report", folder)
    assert code == 0, err
    page = (folder / "report.html").read_text()
    assert f"The detector {method} was fitted" in page
    assert "HealthyGAN [" not in page and "selection.csv" not in page
    assert ("resnet18[random]" in page) == ("backbone" in TINY[method])


@pytest.mark.parametrize("method", [gan.name for gan in GANS])
def test_a_gan_goes_on_where_it_was_stopped_as_if_it_never_had_been(
    method, run, tiny_data, tmp_path
):
    words = training(method, tiny_data, tmp_path, "--set=checkpoints=2", "--set=log_interval=1")
    assert run(*words)[0] == 0
    whole = tmp_path / f"00000-tiny-{method}"
    stopped = shutil.copytree(whole, tmp_path / "stopped")
    for path in [*stopped.glob("checkpoints/*4.pt"), stopped / "model.pt"]:
        path.unlink()
    code, _, err = run("train", "--resume", stopped, "--set=log_interval=1", "--device=cpu")
    assert code == 0, err
    first, second = (torch.load(f / "model.pt", weights_only=True) for f in (whole, stopped))
    assert first.keys() == second.keys()
    assert all(
        torch.equal(first[k], second[k]) for k in first if isinstance(first[k], torch.Tensor)
    )
    assert [row["iteration"] for row in metrics(stopped)] == [1, 2, 3, 4]


def test_resuming_with_other_settings_or_as_another_method_is_refused(run, tiny_data, tmp_path):
    assert run(*training("ganomaly", tiny_data, tmp_path))[0] == 0
    folder = tmp_path / "00000-tiny-ganomaly"
    code, _, err = run("train", "--resume", folder, "--set", "latent=5", "--device=cpu")
    assert code == 2 and "options" in err and "'latent': 3" in err
    code, _, err = run("train", "--resume", folder, "--method", "alad", "--device=cpu")
    assert code == 2 and "a run of ganomaly, not alad" in err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--method", "ganomly"], "did you mean 'ganomaly'?"),
        (["--method", "ganomaly", "--set", "latnt=3"], "did you mean 'latent'?"),
        (
            ["--method", "ganomaly", "--set", "image_size=31"],
            "image_size is 31; expected a power of two",
        ),
        (["--method", "padim", "--set", "chanels=3"], "did you mean 'channels'?"),
        (["--method", "mean-intensity", "--set", "channels=3"], "has no setting 'channels'"),
        (["--method", "alad", "--weights", "a.pth"], "alad has no backbone"),
        (["--weights", "a.pth"], "healthygan has none"),
        (["--method", "padim", "--weights", "absent.pth"], "weights absent.pth: no such file"),
        (["--method", "padim", "--set", "backbone=resnet18"], "download.pytorch.org"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(words, complaint, run, tiny_data, tmp_path):
    common = ["--runs-dir", tmp_path / "runs", "--device=cpu", "-q"]
    code, _, err = run("train", tiny_data, *common, *words)
    assert code == 2 and complaint in err and err.count("\n") == 1, err
    assert not list(tmp_path.rglob("model.pt"))


def test_a_dry_run_shows_the_methods_settings(run, tiny_data, tmp_path):
    code, out, err = run(*training("ganomaly", tiny_data, tmp_path / "runs", "--dry-run"))
    assert code == 0, err
    assert "'latent': 3" in out and not (tmp_path / "runs").exists()


def test_as_a_bundle_it_trains_and_refuses_unknown_keys(tiny_data, tmp_path):
    warm_python(
        *("-m", "monai.bundle", "run", "training"),
        *("--config_file", "bundle/configs/train_baseline.json", "--method", "ganomaly"),
        *("--dataset_dir", tiny_data, "--runs_dir", tmp_path),
        *("--options#latent", "3", "--options#features", "2", "--options#max_iterations", "2"),
    )
    assert read(tmp_path / "00000-tiny-ganomaly" / "config.json")["options"]["latent"] == 3
    unknown = {"metod": "method", "options#latnt": "latent", "cache_rat": "cache_rate"}
    for key, nearest in unknown.items():
        with pytest.raises((RuntimeError, ValueError)) as caught:
            run_config(
                "train_baseline.json",
                {"method": "ganomaly", "dataset_dir": str(tiny_data), key: 1},
                "training",
            )
        assert re.search(rf"did you mean '{nearest}'", str(root_cause(caught.value)))


def test_maps_of_a_run_share_one_scale(run, tiny_data, tmp_path):
    assert run(*training("distance-to-mean", tiny_data, tmp_path))[0] == 0
    folder = tmp_path / "00000-tiny-distance-to-mean"
    assert run("infer", folder, "--device=cpu")[0] == 0
    assert read(folder / "pictures" / "scale.json")["white"] > 0
