"""torchrun with two processes on the CPU (gloo): the numbers of one process, and one writer.

The tolerance. Two ranks round sums over a batch in another order; losses then differ in their
seventh digit. One thing grows: a bias of the critic whose unit is on one side of its ReLU for all
images adds a constant to every D(x), which no loss notices. Its gradient is zero but for rounding,
and Adam makes a step of up to the learning rate of any gradient. So D(x) may drift by a few
learning rates an iteration; differences of it, which are all that the losses use, may not.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from places import CONFIGS
from processes import warm_python
from tiny import PRETRAINED, TRAINING, metrics, train

from healthygan_monai.paths import training_states
from healthygan_monai.selection import read_selection

ITERATIONS = 12
RATE = 1e-4
# loss weights that let every term move the networks: a term left out by the ranks would show
SETTINGS = {
    **{**TRAINING, "max_iterations": ITERATIONS, "epoch_length": 4, "log_interval": 1},
    **{"learning_rate": RATE, "lambda_f": 1, "lambda_fs": 20},
}
SAME = 2e-5  # metrics.jsonl has six digits behind the point
DRIFT = 5 * RATE * ITERATIONS

# what a rank opens for writing, renames or makes, one line each; read as sitecustomize by both
# ranks
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


# the trainer alone, where it is hardest: one rank's images are dark and the other's bright, so
# their masks differ
UNLIKE_SHARES = """
import json, os, sys
import torch
from ignite.engine import Events
from torch.nn.parallel import DistributedDataParallel as Parallel
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.networks import Discriminator, Generator
from healthygan_monai.trainer import HealthyGANTrainer
from healthygan_monai.training.ranks import leave_ranks

rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
if ranks > 1:
    torch.distributed.init_process_group("gloo")
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)  # rounding grows fast where masks pass 0.5; this leaves none to speak of
generator, critic = Generator(1, 2, 1), Discriminator(1, 2, 3)
with torch.no_grad():  # masks that depend on the image
    generator.main[-1].weight *= 20
level = torch.tensor([-0.9, -0.8, 0.6, 0.9]).view(4, 1, 1, 1)
batches = []
for _ in range(6):
    noise = torch.rand(2, 4, 1, 16, 16) * 0.1
    ramp = torch.linspace(0, 1, 16) * level
    whole = {"mixed": ramp + noise[0], "healthy": ramp.flip(-1) + noise[1], "alpha": torch.rand(4, 1, 1, 1)}
    batches.append({name: part.chunk(ranks)[rank] for name, part in whole.items()})
if ranks > 1:
    generator, critic = Parallel(generator), Parallel(critic)
class EndEarly:  # of the first rank alone, as patience
    def attach(self, engine):
        engine.add_event_handler(Events.EPOCH_COMPLETED(once=2), self)
    def __call__(self, engine):
        engine.state.ended_early = True
        engine.terminate()
trainer = HealthyGANTrainer(
    device="cpu", max_iterations=9, epoch_length=3, train_data_loader=[*batches, *batches[:3]],
    train_handlers=[EndEarly()] if rank == 0 else [], generator=generator, critic=critic,
    generator_optimizer=torch.optim.SGD(generator.parameters(), 1e-3),
    critic_optimizer=torch.optim.SGD(critic.parameters(), 1e-3),
    loss=HealthyGANLoss(lambda_f=1.0, lambda_fs=5.0),
)
rows = []
def note(engine):
    rows.append({name: float(value) for name, value in engine.state.output.items()})
trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
trainer.run()
if rank == 0:
    print("ROWS", json.dumps(rows))
if ranks > 1:
    leave_ranks()
"""


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def torchrun_bundle(settings: dict, **options) -> str:
    """Run the training of the bundle on two ranks; return what they printed."""
    files = [str(CONFIGS / name) for name in ("train.json", "multi_gpu_train.json")]
    words = ("-m", "monai.bundle", "run", "training", "--config_file", str(files))
    pairs = (word for key, value in settings.items() for word in (f"--{key}", value))
    done = warm_python(*TORCHRUN, *words, *pairs, **options)
    return done.stdout + done.stderr


def torchrun(data: Path, runs: Path, watched: Path | None = None, **overrides) -> str:
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
    return torchrun_bundle(settings, cwd=CONFIGS.parents[1], env=environment)


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
        assert len(metrics(run)) == ITERATIONS
        assert {"loss_g", "gp", "g_focus"} <= set(metrics(run)[-1])
        assert_same_losses(metrics(one), metrics(run))

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


def test_two_ranks_with_unlike_shares_make_the_steps_of_one_process(tmp_path):
    """The square of the mean mask is the whole batch's; D(x) agrees with plain steps too. Where
    the first rank ends early, so does the other.
    """
    script = tmp_path / "script.py"
    script.write_text(UNLIKE_SHARES)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(CONFIGS.parents[1])}
    found = []
    for start in ((), TORCHRUN):
        printed = warm_python(*start, script, env=environment).stdout
        (line,) = [row for row in printed.splitlines() if row.startswith("ROWS ")]
        found.append(json.loads(line.removeprefix("ROWS ")))
    one, two = found
    assert len(one) == len(two) == 6
    for alone, shared in zip(one, two, strict=True):
        assert alone.keys() == shared.keys()
        assert shared == pytest.approx(alone, rel=1e-6, abs=1e-6)
    assert one[0]["mask_std"] > 0.1  # the shares are unlike


def test_two_ranks_search_the_price_and_train_by_the_recipe_pretrained(tiny_data, tmp_path):
    """Each rank tries every price on the whole batches, so both go on with the same one."""
    settings = {**SETTINGS, **PRETRAINED, "max_iterations": 4}
    alone = train(tmp_path / "one", tiny_data, **settings)
    torchrun(tiny_data, tmp_path / "two", **PRETRAINED, max_iterations=4)
    (run,) = (tmp_path / "two").iterdir()
    assert (run / "prices.csv").read_bytes() == (alone / "prices.csv").read_bytes()
    assert [row["iteration"] for row in metrics(run)] == [1, 2, 3, 4]
    for two, one in zip(metrics(run), metrics(alone), strict=True):
        assert two.keys() == one.keys()
        for name in one.keys() - {"seconds"}:
            level = name in ("d_real", "d_fake", "g_adv", "loss_g", "loss")
            assert two[name] == pytest.approx(one[name], abs=DRIFT if level else SAME), name
        between = [row["d_fake"] - row["d_real"] for row in (one, two)]
        assert between[0] == pytest.approx(between[1], abs=SAME)
    assert (run / "critic.pt").is_file()


@pytest.mark.slow
def test_two_ranks_go_on_where_they_stopped(one, tiny_data, tmp_path):
    """Stopped after the first checkpoint and resumed, on two ranks both times."""
    torchrun(tiny_data, tmp_path, **{"train#trainer#max_epochs": 1})
    (run,) = tmp_path.iterdir()
    assert [r["iteration"] for r in metrics(run)] == [1, 2, 3, 4]
    torchrun(tiny_data, tmp_path, resume=run)
    assert list(tmp_path.iterdir()) == [run]
    assert training_states(run)[-1].name == f"training_{ITERATIONS}.pt"
    resumed = metrics(run)
    # the generator's terms are unknown from the resumption to its next update
    assert "loss_g" not in resumed[4]
    whole = metrics(one)
    whole[4] = {k: v for k, v in whole[4].items() if k in resumed[4]} | {"loss": whole[4]["loss_d"]}
    assert_same_losses(whole, resumed)


@pytest.mark.slow
def test_two_ranks_draw_the_demo_once(tmp_path, monkeypatch):
    """Without a data set the first rank makes the demo's films, and the other waits for them."""
    monkeypatch.setenv("PYTHONPATH", str(CONFIGS.parents[1]))
    settings = {
        **{"generator_channels": 2, "generator_blocks": 0, "critic_channels": 2},
        **{"critic_layers": 2, "max_iterations": 1, "checkpoints": 1, "selection_images": 4},
        "fid_features": "random",
    }
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    printed = torchrun_bundle(settings, cwd=tmp_path, env=environment)
    assert printed.count("drawing phantom films") == 1
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["00000-demo"]
