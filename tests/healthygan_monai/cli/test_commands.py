"""``healthygan`` as a user meets it: what it prints, what it refuses, what it leaves behind."""

import json
import os
import re
import shlex
from pathlib import Path

import pytest
import torch
from processes import python
from tiny import TRAINING, write_dataset

from healthygan_monai.cli.arguments import settings
from healthygan_monai.cli.main import SPINS, build_parser, main, wait_shortly
from healthygan_monai.data import PROTOCOLS
from healthygan_monai.paths import run_of
from healthygan_monai.scoring import read_scores

SETTINGS = [f"--set={k}={v}" for k, v in TRAINING.items() if k != "device"] + ["--device=cpu"]


class TestStart:
    def test_help_lists_the_commands_in_the_order_of_a_study(self, capsys):
        with pytest.raises(SystemExit):
            main(["--help"])
        text = capsys.readouterr().out
        names = ["demo", "prep", "check", "train", "select", "infer", "evaluate", "report"]
        places = [text.index(f"\n    {name} ") for name in names]
        assert places == sorted(places)
        assert "not a medical device" in text

    @pytest.mark.parametrize("words", ["", "trian", "train --epochs 3", "select r --criterion auc"])
    def test_wrong_usage_ends_with_2(self, words, capsys):
        with pytest.raises(SystemExit) as end:
            main(words.split())
        assert end.value.code == 2
        said = capsys.readouterr().err
        assert ("usage: healthygan" in said) != ("has no option --epochs" in said)

    @pytest.mark.parametrize("words", [["train"], ["infer", "run"], ["demo"]])
    def test_device_and_verbosity_are_called_alike_everywhere(self, words):
        parsed = build_parser().parse_args([*words, "--device", "cuda:1", "-v"])
        assert (parsed.device, parsed.verbose) == ("cuda:1", True)

    def test_bundle_path(self, run):
        code, out, _ = run("bundle-path")
        assert code == 0 and (Path(out.strip()) / "configs" / "train.json").is_file()


class TestTrain:
    @pytest.fixture
    def trained_here(self, run, tiny_data, tmp_path):
        return run("train", tiny_data, "--runs-dir", tmp_path / "runs", *SETTINGS)

    def test_makes_a_run_and_says_what_comes_next(self, trained_here, tmp_path):
        code, out, err = trained_here
        folder = tmp_path / "runs" / "00000-tiny"
        assert code == 0 and (folder / "model.pt").is_file(), err
        assert out.splitlines()[-2:] == [
            f"model: {folder / 'model.pt'}",
            f"next: healthygan infer {folder}",
        ]

    def test_prints_the_command_of_monai_that_does_the_same(self, trained_here, tiny_data):
        line = next(x for x in trained_here[1].splitlines() if x.startswith("the same as: "))
        words = shlex.split(line.removeprefix("the same as: "))
        assert words[:6] == ["python", "-m", "monai.bundle", "run", "training", "--config_file"]
        options = dict(zip(words[7::2], words[8::2], strict=True))
        assert options["--dataset_dir"] == str(tiny_data) and options["--max_iterations"] == "6"

    def test_seed_and_settings_arrive(self, run, tiny_data, tmp_path):
        words = ["--runs-dir", tmp_path, "--seed", "7", *SETTINGS, "--set", "lambda_id=2.5"]
        run("train", tiny_data, *words)
        config = json.loads((tmp_path / "00000-tiny" / "config.json").read_text())
        assert (config["seed"], config["lambda_id"], config["generator_channels"]) == (7, 2.5, 2)

    def test_a_dry_run_shows_the_settings_and_makes_no_folder(self, run, tiny_data, tmp_path):
        code, out, _ = run("train", tiny_data, "--runs-dir", tmp_path / "runs", "-n", *SETTINGS)
        assert code == 0
        shown = dict(
            line.split(maxsplit=1) for line in out.splitlines() if line.startswith("max_it")
        )
        assert shown == {"max_iterations": "6"}
        assert "generator parameters" in out and "critic parameters" in out
        assert list(tmp_path.iterdir()) == []

    def test_a_dry_run_without_a_data_set_draws_no_films(self, run, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        code, out, _ = run("train", "--dry-run", "--device=cpu")
        assert code == 0 and f"max_iterations             {PROTOCOLS['demo'].max_iterations}" in out
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("more", [[], ["--dry-run", "--device=cpu"]])
    def test_an_unknown_key_is_refused_with_the_nearest(self, more, run, tiny_data, tmp_path):
        words = ["--runs-dir", tmp_path / "runs", "--set", "lamda_gp=1", *more]
        code, _, err = run("train", tiny_data, *words)
        assert code == 2
        assert err.startswith("error: unknown config key 'lamda_gp', did you mean 'lambda_gp'?")
        assert err.count("\n") == 1 and not (tmp_path / "runs").exists()

    @pytest.mark.parametrize("text", ["lambda_id", "=3", ""])
    def test_set_wants_a_key_and_a_value(self, run, tiny_data, text):
        code, _, err = run("train", tiny_data, "--set", text)
        assert code == 2 and "expected KEY=VALUE" in err

    def test_a_device_that_is_not_there(self, run, tiny_data):
        code, _, err = run("train", tiny_data, "--device", "cuda:77")
        assert code == 2 and err.startswith("error: device 'cuda:77' cannot be used here")
        assert err.count("\n") == 1

    def test_without_a_data_set_there(self, run, tmp_path):
        code, _, err = run("train", tmp_path, "--runs-dir", tmp_path / "runs")
        assert code == 2 and err.count("\n") == 1
        assert err.startswith(f"error: {tmp_path}: no dataset.json in it, and no images. Prepare")

    def test_an_empty_section(self, run, tmp_path):
        data = write_dataset(tmp_path / "data")
        content = json.loads((data / "dataset.json").read_text())
        del content["content_hash"]
        (data / "dataset.json").write_text(json.dumps({**content, "training_mixed": []}))
        code, _, err = run("train", data, "--runs-dir", tmp_path / "runs")
        assert code == 1 and "section training_mixed is empty" in err
        assert not (tmp_path / "runs").exists()

    def test_a_subject_in_two_sections_is_named(self, run, tmp_path):
        data = write_dataset(tmp_path / "data")
        path = data / "dataset.json"
        path.write_text(path.read_text().replace('"subject": "validation1"', '"subject": "mixed0"'))
        for words in (("train", data, "--runs-dir", tmp_path / "runs"), ("check", data)):
            code, out, err = run(*words)
            assert code == 1
            assert "subject mixed0 is in training_mixed and validation" in out + err
        assert not (tmp_path / "runs").exists()

    def test_a_training_that_diverges_is_a_failure_of_one_line(self, run, tiny_data, tmp_path):
        words = ["--runs-dir", tmp_path / "runs", *SETTINGS, "--set", "learning_rate=1e30", "-q"]
        code, _, err = run("train", tiny_data, *words)
        assert code == 1 and "error: the training diverged: " in err and "Traceback" not in err

    @pytest.mark.parametrize(
        "setting", ["optimizer#lr=-1", "focus_eps=0", "betas=5", "settings#seed=3", "network#x=3"]
    )
    def test_a_wrong_value_is_wrong_usage(self, run, tiny_data, tmp_path, setting):
        words = ["--runs-dir", tmp_path / "runs", *SETTINGS, "--set", setting, "-q"]
        code, _, err = run("train", tiny_data, *words)
        assert code == 2 and err.startswith("error: ") and err.count("\n") == 1

    def test_verbose_shows_where_an_error_arose(self, run, tmp_path):
        code, _, err = run("train", tmp_path, "-v")
        assert code == 2 and err.startswith("error: ") and "Traceback" in err


class TestResume:
    def test_takes_its_settings_from_the_run(self, run, own_run, trained):
        """The last checkpoint is lost; resuming makes it again to the last bit."""
        for path in [*own_run.glob("checkpoints/*6.pt"), own_run / "model.pt"]:
            path.unlink()
        code, out, err = run("train", "--resume", own_run, "--device", "cpu")
        assert code == 0, err
        weights = [torch.load(r / "model.pt", weights_only=True) for r in (own_run, trained)]
        assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[1])
        assert f"next: healthygan infer {own_run}" in out

    def test_finds_a_feature_network_of_the_users_own_again(self, run, tiny_data, tmp_path):
        network = torch.nn.Sequential(torch.nn.AvgPool2d(16), torch.nn.Flatten())
        torch.jit.script(network).save(tmp_path / "pooled.ts")
        words = [*SETTINGS, "--set", f"fid_features={tmp_path / 'pooled.ts'}"]
        assert run("train", tiny_data, "--runs-dir", tmp_path / "runs", *words)[0] == 0
        code, _, err = run("train", "--resume", tmp_path / "runs" / "00000-tiny", "--device", "cpu")
        assert code == 0, err
        assert "FID[pooled]" in run("select", tmp_path / "runs" / "00000-tiny")[1]

    def test_other_settings_are_refused(self, run, own_run):
        code, _, err = run("train", "--resume", own_run, "--set", "lambda_id=3", "--device", "cpu")
        assert code == 2 and re.search(r"lambda_id: 1(\.0)? then, 3 now", err)

    @pytest.mark.parametrize(
        ("words", "told"),
        [(("--seed", 5), "was begun with seed 0"), (("--runs-dir", "x"), "stays in its folder")],
    )
    def test_options_that_would_change_nothing_are_refused(self, run, own_run, words, told):
        code, _, err = run("train", "--resume", own_run, *words)
        assert code == 2 and told in err and err.count("\n") == 1

    def test_no_such_run(self, run, tmp_path):
        code, _, err = run("train", "--resume", tmp_path / "runs" / "00009-x")
        assert code == 2 and "no such run folder" in err
        code, _, err = run("train", "--resume", tmp_path)
        assert code == 2 and "not a run folder" in err and err.count("\n") == 1


class TestSelect:
    def test_shows_every_checkpoint_and_marks_the_model(self, run, own_run):
        code, out, _ = run("select", own_run, "--criterion", "aucp")
        assert code == 0
        rows = [line for line in out.splitlines() if line.startswith("iter ")]
        assert len(rows) == 3 and sum("<- model.pt" in row for row in rows) == 1
        assert all("FID[random]" in row for row in rows)
        assert "chosen by aucp: iteration" in out and f"next: healthygan infer {own_run}" in out

    @pytest.mark.parametrize("criterion", ["fid", "aucp"])
    def test_goes_by_the_criterion_of_the_training(self, run, own_run, criterion):
        config = json.loads((own_run / "config.json").read_text())
        (own_run / "config.json").write_text(json.dumps({**config, "criterion": criterion}))
        assert f"chosen by {criterion}: iteration" in run("select", own_run)[1]

    def test_a_file_of_the_run_names_it_too(self, run, own_run):
        assert run("select", own_run / "model.pt")[0] == 0

    def test_no_run(self, run, tmp_path):
        code, _, err = run("select", tmp_path)
        assert code == 2 and "not a run folder" in err


class TestInferEvaluateReport:
    def test_from_a_run_to_a_report_each_naming_the_next(self, run, own_run):
        code, out, err = run("infer", own_run, "--device", "cpu")
        assert code == 0, err
        assert f"next: healthygan evaluate {own_run}" in out
        assert (own_run / "scores.csv").is_file() and (own_run / "pictures").is_dir()
        code, out, err = run("evaluate", own_run, "--bootstrap", "50")
        assert code == 0, err
        assert (own_run / "evaluation.json").is_file()
        assert f"next: healthygan report {own_run}" in out
        code, out, err = run("report", own_run)
        assert code == 0, err
        assert f"report: {own_run / 'report.html'}\nnext: healthygan view {own_run}" in out
        assert (own_run / "report.html").stat().st_size > 10_000

    def test_another_data_set_needs_a_place_of_its_own(self, run, own_run, tmp_path):
        other = write_dataset(tmp_path / "other")
        code, _, err = run("infer", own_run, other, "--device", "cpu")
        assert code == 2 and "give --output FOLDER" in err and err.count("\n") == 1
        assert not (own_run / "scores.csv").exists()
        code, _, err = run("infer", own_run, other, "--output", tmp_path / "out", "--device", "cpu")
        assert code == 0, err
        assert (tmp_path / "out" / "scores.csv").is_file() and not (own_run / "scores.csv").exists()

    def test_new_images_are_judged_by_the_runs_known_healthy(
        self, run, own_run, tiny_data, tmp_path
    ):
        new, out = tiny_data / "images" / "test1", tmp_path / "out"
        words = ("infer", own_run, new, "--output", out, "--device", "cpu")
        assert f"next: healthygan evaluate {out}\n" in run(*words)[1]  # no known-healthy scores
        run("infer", own_run, "--device", "cpu")
        assert f"next: healthygan evaluate {out} --calibration {own_run}\n" in run(*words)[1]
        words = ("--calibration", own_run, "--false-alarms", "0.5", "--bootstrap", "20")
        code, said, err = run("evaluate", out, "--no-probes", *words)
        assert code == 0, err
        assert "known-healthy subjects" in said and (out / "p_values.csv").is_file()
        code, _, err = run("evaluate", out, "--false-alarms", "5")
        assert code == 2 and "expected a rate between 0 and 1" in err

    def test_the_runs_own_data_set_may_be_named(self, run, own_run, tiny_data):
        code, _, err = run("infer", own_run, tiny_data / "dataset.json", "--device", "cpu")
        assert code == 0, err
        assert (own_run / "scores.csv").is_file()

    def test_a_chosen_model_file_is_the_one_used(self, run, own_run):
        checkpoint = own_run / "checkpoints" / "generator_0000002.pt"
        code, out, err = run("infer", own_run / "model.pt", "--device", "cpu")
        assert code == 0 and f"--checkpoint {own_run / 'model.pt'}" in out
        code, out, err = run("infer", checkpoint, "--device", "cpu")
        assert code == 2 and "run.json" in err  # it has no run folder of its own
        data = json.loads((own_run / "run.json").read_text())["dataset"]
        words = ["--output", own_run / "two", "--set", "image_size=32", "--device", "cpu"]
        code, out, err = run("infer", checkpoint, data, *words)
        assert code == 0, err
        first, second = (read_scores(f / "scores.csv")[0] for f in (own_run, own_run / "two"))
        assert first.image == second.image and first.score != second.score

    def test_the_rule_of_the_score_is_an_option_and_named(self, run, own_run):
        code, out, err = run("infer", own_run, "--score-by", "top", "--device", "cpu")
        assert code == 0 and "--score_by top" in out, err
        run("evaluate", own_run, "--no-probes", "--bootstrap", "20")
        assert json.loads((own_run / "evaluation.json").read_text())["score_by"] == "top"

    def test_a_rule_for_another_method_is_refused(self, run, rival, own_run):
        rival(own_run / "model.pt")
        (own_run / "config.json").write_text(json.dumps({"method": "mean-intensity"}))
        code, _, err = run("infer", own_run, "--score-by", "top")
        assert code == 2 and "only for HealthyGAN" in err

    def test_a_misspelt_setting_is_refused(self, run, own_run):
        code, _, err = run("infer", own_run, "--set", "batchsize=2", "--device", "cpu")
        assert code == 2 and "did you mean 'batch_size'?" in err
        assert not (own_run / "scores.csv").exists()

    def test_a_broken_model_is_one_line(self, run, own_run):
        (own_run / "model.pt").write_bytes(b"broken")
        code, _, err = run("infer", own_run, "--device", "cpu")
        assert code == 1 and "not a file of weights" in err and err.count("\n") == 1

    def test_evaluating_before_inferring_says_so(self, run, own_run):
        code, _, err = run("evaluate", own_run)
        assert code == 2 and "Score images first" in err


class TestDemo:
    def test_goes_through_the_five_commands(self, run, tmp_path, monkeypatch):
        """With a data set of squares in the place of the phantom films, which cost a minute."""

        def squares(folder: Path, *, seed: int) -> Path:
            return write_dataset(folder, description=f"seed {seed}") / "dataset.json"

        monkeypatch.setattr("data_prep.demo.make_demo", squares)
        code, out, err = run("demo", tmp_path / "demo", "--seed", "3", *SETTINGS)
        assert code == 0, err
        steps = [line for line in err.splitlines() if line[1:3] == "/5"]
        assert [s[:5].strip() for s in steps] == ["1/5 p", "2/5 t", "3/5 i", "4/5 e", "5/5 r"]
        (folder,) = (tmp_path / "demo" / "runs").iterdir()
        assert f"open {folder / 'report.html'}" in out.splitlines()[-1]
        assert (folder / "report.html").is_file()
        assert json.loads((folder / "config.json").read_text())["seed"] == 3
        assert re.search(r"done in \d+ s", out.splitlines()[-1])


class TestArguments:
    def test_values_are_python_literals_or_text(self):
        assert settings(["a=1", "b=1e-4", "c=[0.5,0.9]", "d=true", "e=null", "f=x=y", "g="]) == {
            **{"a": 1, "b": 1e-4, "c": [0.5, 0.9], "d": True, "e": None, "f": "x=y", "g": ""}
        }

    def test_a_run_is_its_folder_or_a_file_in_it(self, trained):
        assert run_of(trained) == run_of(trained / "model.pt") == trained
        with pytest.raises(FileNotFoundError, match="no such run folder"):
            run_of(trained / "nothing")


def test_what_is_no_data_set_is_refused_before_pytorch_loads(tmp_path):
    """In a fresh process, whose modules are then looked at."""
    code = (
        "import sys\nfrom healthygan_monai.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "print(code, sorted({'torch', 'monai', 'scipy'} & set(sys.modules)))"
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"dataset": "films"}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "dataset.json").write_text("{")
    for name, words, ends in [
        ("absent", "no such file or folder", "2 []"),
        (
            "run",
            "a run folder, not a data set. To go on with it: healthygan train --resume",
            "2 []",
        ),
        ("broken", "not valid JSON at line 1", "1 []"),
    ]:
        done = python("-c", code, "train", tmp_path / name)
        assert words in done.stderr and done.stdout.strip() == ends, name
    done = python("-c", code, "benchmark", tmp_path / "absent")
    assert "no such file or folder" in done.stderr
    assert done.stdout.startswith("2 ") and "torch" not in done.stdout


def test_what_is_no_run_is_refused_before_pytorch_loads(tmp_path):
    """By every command that takes a run, one after the other in a fresh process."""
    code = (
        "import sys\nfrom healthygan_monai.cli.main import main\n"
        "for words in sys.argv[1:]:\n"
        "    print(words, main(words.split()), *{'torch', 'monai', 'scipy'} & set(sys.modules))"
    )
    lines = [
        *(f"{name} absent" for name in ("evaluate", "report", "infer", "view", "select")),
        *("pack absent", "unpack absent", "ensemble absent absent", "score absent in out"),
        *("export onnx absent a.onnx", "export authors absent a-G.ckpt"),
        "export zoo out --model absent",
    ]
    done = python("-c", code, *lines, cwd=tmp_path)
    assert done.stdout.splitlines() == [f"{words} 2" for words in lines]
    assert done.stderr.count("absent: no such") == len(lines) and not any(tmp_path.iterdir())


def test_a_wrong_setting_is_refused_before_pytorch_loads(tiny_data):
    code = (
        "import sys\nfrom healthygan_monai.cli.main import main\n"
        "for word in sys.argv[2:]:\n"
        "    code = main(['train', sys.argv[1], '--set', word])\n"
        "    print(word, code, *{'torch', 'monai', 'scipy'} & set(sys.modules))"
    )
    told = {
        "batch_sise=4": "unknown config key 'batch_sise', did you mean 'batch_size'?",
        "batch_size=0": "batch_size is 0; expected a whole number, 1 or more",
        "price=-1": "price is -1; expected a number above 0",
    }
    done = python("-c", code, tiny_data, *told)
    said = [line for line in done.stdout.splitlines() if "=" in line]
    assert said == [f"{word} 2" for word in told]
    assert all(text in done.stderr for text in told.values())


@pytest.mark.parametrize(
    ("given", "set_by_us"),
    [
        ({}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": str(SPINS)}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {}),
        ({"GOMP_SPINCOUNT": "7"}, {}),
    ],
)
def test_waiting_threads_spin_shortly_unless_the_user_says_how_long(given, set_by_us, monkeypatch):
    words = {"HOME": "/", **given}
    monkeypatch.setattr(os, "environ", words)
    wait_shortly()
    assert words == {"HOME": "/", **given, **set_by_us}


def test_pytorch_loads_after_it_is_said_how_threads_wait():
    show = (
        "import os, sys; from healthygan_monai.cli import main; loaded = 'torch' in sys.modules;"
        "main.switch_off = lambda: print(loaded, os.environ['GOMP_SPINCOUNT']) or sys.exit();"
        "main.main(['train'])"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    assert python("-c", show, env=env).stdout.split() == ["False", str(SPINS)]
