"""torchrun with two processes on the CPU (gloo): the numbers of one process, and one writer.

The tolerance. Sums over a batch are rounded in another order when two ranks share it; losses then differ in
their seventh digit. One thing grows: a bias of the critic whose unit is on one side of its ReLU for all images
adds a constant to every D(x), which no loss notices. Its gradient is zero but for rounding, and Adam makes a
step of up to the learning rate of any gradient, however small. So D(x) alone may drift by a few learning rates an
iteration; differences of it, which are all that the losses use, may not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import CONFIGS, TRAINING, train

from healthygan_monai.checkpoints import training_states
from healthygan_monai.selection import read_selection

ITERATIONS = 12
RATE = 1e-4
# loss weights that let every term move the networks: a term left out by the ranks would show
SETTINGS = {
    **TRAINING,
    "max_iterations": ITERATIONS,
    "epoch_length": 4,
    "log_interval": 1,
    "learning_rate": RATE,
    "lambda_f": 1,
    "lambda_fs": 20,
}
SAME = 2e-5  # metrics.jsonl has six digits behind the point
DRIFT = 5 * RATE * ITERATIONS

# what a rank opens for writing, renames or makes, one line each; read as sitecustomize by both ranks
WATCH = """
import os, sys
place = os.environ.get("WATCHED_WRITES")
rank = os.environ.get("RANK")
if place and rank is not None:
    log = os.open(f"{place}/rank{rank}.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    def watch(event, arguments):
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, (str, bytes)) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event in ("os.rename", "os.mkdir", "os.remove"):
            path = arguments[0]
        else:
            return
        os.write(log, (event + " " + os.fsdecode(path) + chr(10)).encode())
    sys.addaudithook(watch)
"""


def torchrun(data: Path, runs: Path, watched: Path | None = None, **overrides) -> str:
    """Train on two ranks; returns what they printed."""
    files = [str(CONFIGS / name) for name in ("train.json", "multi_gpu_train.json")]
    settings = {k: v for k, v in SETTINGS.items() if k != "device"} | {
        "dataset_dir": data,
        "runs_dir": runs,
        "bundle_root": CONFIGS.parent,
        **overrides,
    }
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    if watched is not None:
        watched.mkdir()
        (watched / "sitecustomize.py").write_text(WATCH)
        path = os.pathsep.join([str(watched), os.environ.get("PYTHONPATH", "")])
        environment |= {"PYTHONPATH": path, "WATCHED_WRITES": str(watched)}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
            *("-m", "monai.bundle", "run", "training", "--config_file", str(files)),
            *(word for key, value in settings.items() for word in (f"--{key}", str(value))),
        ],
        capture_output=True,
        text=True,
        cwd=CONFIGS.parents[1],
        env=environment,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def one(tmp_path_factory, tiny_data) -> Path:
    """The run of one process."""
    return train(tmp_path_factory.mktemp("one"), tiny_data, **SETTINGS)


@pytest.fixture(scope="module")
def two(tmp_path_factory, tiny_data) -> tuple[Path, Path, str]:
    """The run of two ranks, the folder of what each wrote, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    printed = torchrun(tiny_data, folder / "runs", folder / "watched")
    (run,) = (folder / "runs").iterdir()  # one folder for both
    return run, folder / "watched", printed


def assert_same_losses(first: list[dict], second: list[dict]) -> None:
    assert [r["iteration"] for r in first] == [r["iteration"] for r in second]
    for one, two in zip(first, second, strict=True):
        assert one.keys() == two.keys()
        iteration = one["iteration"]
        for name in ("loss_d", "gp", "g_id", "g_rec", "g_focus", "mask_mean", "mask_std", "lr"):
            assert two.get(name) == pytest.approx(one.get(name), abs=SAME), (iteration, name)
        for name in ("d_real", "d_fake", "g_adv", "g_adv_healthy"):
            assert two.get(name) == pytest.approx(one.get(name), abs=DRIFT), (iteration, name)
        assert two["d_fake"] - two["d_real"] == pytest.approx(
            one["d_fake"] - one["d_real"], abs=SAME
        )
        if "loss_g" in one:  # without the level of D
            level = [r["loss_g"] - r["g_adv"] - r["g_adv_healthy"] for r in (one, two)]
            assert level[0] == pytest.approx(level[1], abs=2 * SAME)
            between = [r["g_adv"] - r["g_adv_healthy"] for r in (one, two)]
            assert between[0] == pytest.approx(between[1], abs=SAME)


class TestTwoRanks:
    def test_log_the_losses_of_one_process(self, one, two):
        run, _, _ = two
        assert len(rows(run)) == ITERATIONS
        assert {"loss_g", "gp", "g_focus"} <= set(rows(run)[-1])
        assert_same_losses(rows(one), rows(run))

    def test_end_with_the_generator_of_one_process(self, one, two):
        run, _, _ = two
        ours, alone = (torch.load(r / "model.pt", weights_only=True) for r in (run, one))
        for name in alone:
            torch.testing.assert_close(ours[name], alone[name], rtol=0, atol=2e-5, msg=name)

    def test_judge_checkpoints_as_one_process_does(self, one, two):
        run, _, _ = two
        for mine, alone in zip(read_selection(run), read_selection(one), strict=True):
            assert (mine.iteration, mine.chosen) == (alone.iteration, alone.chosen)
            assert (mine.fid, mine.aucp) == pytest.approx((alone.fid, alone.aucp), rel=1e-4)

    def test_only_the_first_writes_to_the_run(self, two):
        run, watched, _ = two
        written = {
            rank: [
                line
                for line in (watched / f"rank{rank}.txt").read_text().splitlines()
                if str(run.parent) in line
            ]
            for rank in (0, 1)
        }
        assert written[0]
        assert written[1] == []

    def test_say_everything_once(self, two):
        run, _, printed = two
        log = (run / "log.txt").read_text().splitlines()
        assert len(log) == len(set(log))
        for iteration in (4, 8, 12):
            assert sum(f"iter {iteration}  FID" in line for line in log) == 1
            assert printed.count(f"iter {iteration}  FID") == 1
        assert len(list((run / "tensorboard").iterdir())) == 2  # training and validation

    def test_make_the_files_of_one_process(self, one, two):
        run, _, _ = two

        def names(folder):
            return {
                p.relative_to(folder).as_posix()
                for p in folder.rglob("*")
                if p.is_file() and "tensorboard" not in p.parts
            }

        assert names(run) == names(one)


@pytest.mark.slow
def test_two_ranks_go_on_where_they_stopped(one, tiny_data, tmp_path):
    """Stopped after the first checkpoint and resumed, on two ranks both times."""
    torchrun(tiny_data, tmp_path, **{"train#trainer#max_epochs": 1})
    (run,) = tmp_path.iterdir()
    assert [r["iteration"] for r in rows(run)] == [1, 2, 3, 4]
    torchrun(tiny_data, tmp_path, resume=run)
    assert list(tmp_path.iterdir()) == [run]
    assert training_states(run)[-1].name == f"training_{ITERATIONS}.pt"
    resumed = rows(run)
    # the generator's terms are unknown from the resumption to its next update
    assert "loss_g" not in resumed[4]
    whole = rows(one)
    whole[4] = {k: v for k, v in whole[4].items() if k in resumed[4]} | {"loss": whole[4]["loss_d"]}
    assert_same_losses(whole, resumed)


@pytest.mark.slow
def test_two_ranks_draw_the_demo_once(tmp_path, monkeypatch):
    """Without a data set the first rank makes the demo's films, and the other waits for them."""
    monkeypatch.setenv("PYTHONPATH", str(CONFIGS.parents[1]))
    files = [str(CONFIGS / name) for name in ("train.json", "multi_gpu_train.json")]
    settings = {
        "generator_channels": 2,
        "generator_blocks": 0,
        "critic_channels": 2,
        "critic_layers": 2,
        "max_iterations": 1,
        "checkpoints": 1,
        "selection_images": 4,
        "fid_features": "random",
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
            *("-m", "monai.bundle", "run", "training", "--config_file", str(files)),
            *(word for key, value in settings.items() for word in (f"--{key}", str(value))),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        timeout=230,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("drawing phantom films") == 1
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["00000-demo"]
