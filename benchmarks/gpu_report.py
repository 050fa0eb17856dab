"""Both recipes on a device, in every mode that it has: one table.

    python benchmarks/gpu_report.py DATASET
    python benchmarks/gpu_report.py DATASET --device cpu --sizes 32 --iterations 6

Each row is a training in a process of its own, by the bundle's own config: float32, float32 with
compiled networks (torch.compile; of the paper's recipe the generator alone: PyTorch compiles
no gradient of a gradient, Eq. 3), bfloat16 (``amp=True``), bfloat16 compiled, and with two GPUs one
training over both. Each model then scores the data set, so that the AUC of the modes can be held
against that of float32. DATASET is a prepared data set with labels in its test section.

ms: median of an iteration, without the first ones, in which PyTorch compiles and measures. images:
of both sets, a second. GB: the most memory held (``max_memory_allocated``; on a CPU that of the
process). TFLOP: of one iteration, counted by ``torch.utils.flop_counter`` in the forward and
backward passes of convolutions and products. share: TFLOP a second, as a share of what this device
reaches in a product of two large matrices in the same arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from train_step import OneModule

RECIPES = ("paper", "pretrained")
MODES = {  # amp, compiled
    "float32": (False, False),
    "float32, compiled": (False, True),
    "bfloat16": (True, False),
    "bfloat16, compiled": (True, True),
}
TWO = "float32, two GPUs"
COLUMNS = ("recipe", "pixels", "mode", "ms", "images", "GB", "TFLOP", "share", "AUC")
SETTLED = 3  # iterations that are not timed
SIDE = {"cuda": 8192, "cpu": 1024}  # of the matrices


class Watch:
    """Time, work and memory of a trainer's iterations."""

    def __init__(self, compiled: bool) -> None:
        self.compiled, self.ends, self.work = compiled, [], []

    def on(self, trainer: Any) -> Any:
        from ignite.engine import Events

        from healthygan_monai.pretrained.trainer import PretrainedCriticTrainer

        if self.compiled:
            trainer.generator.compile()
            if isinstance(trainer, PretrainedCriticTrainer):  # Eq. 3 differentiates a gradient
                trainer.critic.compile()
        device = trainer.state.device

        def begun(_: Any) -> None:
            _wait(device)
            self.began = time.perf_counter()
            if trainer.state.iteration == trainer.n_critic and not self.compiled:  # a whole round
                self.counter = FlopCounterMode(display=False)
                self.counter.mod_tracker = OneModule()  # the other cannot follow Eq. 3
                self.counter.__enter__()

        def ended(_: Any) -> None:
            _wait(device)
            counter = self.__dict__.pop("counter", None)
            if counter is not None:
                counter.__exit__(None, None, None)
                self.work.append(counter.get_total_flops())
            elif trainer.state.iteration > SETTLED:
                self.ends.append(time.perf_counter() - self.began)

        trainer.add_event_handler(Events.ITERATION_STARTED, begun)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, ended)
        return trainer


def train(case: dict[str, Any]) -> dict[str, Any]:
    """Train in this process; return what was measured, and the run folder."""
    from monai.bundle import ConfigWorkflow

    from healthygan_monai import bundle_api
    from healthygan_monai.config.devices import peak_memory
    from healthygan_monai.paths import bundle_root

    watch, real = Watch(case["compiled"]), bundle_api.make_trainer

    def watched(**arguments: Any) -> Any:
        return watch.on(real(**arguments))

    watched.__signature__ = real.__signature__  # type: ignore[attr-defined]
    bundle_api.make_trainer = watched
    names = ["train.json", *(["multi_gpu_train.json"] if case["ranks"] > 1 else [])]
    workflow = ConfigWorkflow(
        config_file=[str(bundle_root() / "configs" / name) for name in names],
        logging_file=False,
        workflow_type=None,
        run_id="training" if case["ranks"] == 1 else "run",
        **case["settings"],
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    get = workflow.parser.get_parsed_content
    device = get("device")
    memory = peak_memory()["gpu" if device.type == "cuda" else "main"]
    # every n_critic-th iteration has a generator update: the mean over whole rounds
    rounds = [watch.ends[k :: get("n_critic")] for k in range(get("n_critic"))]
    seconds = statistics.mean(statistics.median(r) for r in rounds if r) if watch.ends else None
    return {
        "run": str(get("output_dir")),
        "seconds": seconds,
        "images": 2 * get("batch_size"),
        "memory": memory,
        "work": watch.work[0] if watch.work else None,
    }


@cache
def peak(device: torch.device, dtype: torch.dtype) -> float:
    """Return the operations a second of a product of two square matrices, the best of five."""
    side = SIDE.get(device.type, 1024)
    a, b = (torch.rand(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        _wait(device)
        began = time.perf_counter()
        a @ b
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def auc_of(run: Path, device: str) -> float | None:
    """Score and evaluate a run by the commands; None where nothing has a label."""
    for words in (["infer", str(run), "--device", device], ["evaluate", str(run), "--no-probes"]):
        subprocess.run([sys.executable, "-m", "healthygan_monai", *words], check=True, stdout=2)
    found = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    auc = found["levels"]["image"]["auc"]
    return None if auc is None else auc["value"]


def measured(case: dict[str, Any], ranks: int) -> dict[str, Any] | str:
    """Run a case in a process of its own; return what it measured, or its last line."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [__file__, "--case", json.dumps(case), "--answer", str(answer)]
        if ranks > 1:
            words = ["-m", "torch.distributed.run", f"--nproc_per_node={ranks}", *words]
        done = subprocess.run(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode:
            lines = done.stdout.decode(errors="replace").splitlines()
            return next((line for line in lines if re.match(r"[\w.]*Error: ", line)), "it ended")
        return json.loads(answer.read_text(encoding="utf-8"))


def row(case: dict[str, Any], found: dict[str, Any], work: float | None, top: float) -> list[str]:
    """Return the cells of a line of the table; work: of the same case in float32."""
    seconds = found["seconds"]
    images = found["images"] / seconds if seconds else None
    share = 100 * work / seconds / top if work and seconds else None
    auc = auc_of(Path(found["run"]), case["device"])
    told = (
        (seconds and 1e3 * seconds, ".1f"),
        (images, ".1f"),
        (found["memory"] and found["memory"] / 1e9, ".2f"),
        (work and work / 1e12, ".3f"),
        (share, ".0f"),
        (auc, ".3f"),
    )
    cells = ["–" if value is None else f"{value:{how}}" for value, how in told]
    cells[4] += " %" if share is not None else ""
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--modes", nargs="+", choices=[*MODES, TWO], default=[*MODES, TWO])
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="for all rows")
    parser.add_argument("--runs", type=Path, default=Path("gpu-report"))
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        found = train(json.loads(arguments.case))
        if os.environ.get("RANK", "0") == "0":
            arguments.answer.write_text(json.dumps(found), encoding="utf-8")
        return
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device is here; --device cpu tries the report itself.")
    if arguments.dataset is None:
        parser.error("DATASET: expected a prepared data set.")
    gpus = torch.cuda.device_count() if device.type == "cuda" else 0
    name = torch.cuda.get_device_name(device) if gpus else f"{platform.machine()} CPU"
    print(f"{name}, {max(gpus, 1)} of them, torch {torch.__version__}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for recipe in arguments.recipes:
        for size in arguments.sizes:
            work = None
            for mode in arguments.modes:
                amp, compiled = MODES.get(mode, (False, False))
                ranks = 2 if mode == TWO else 1
                head = f"| {recipe} | {size} | {mode} |"
                if ranks > max(gpus, 1):
                    print(f"{head} not run: {gpus} GPUs |", flush=True)
                    continue
                case = {
                    "device": arguments.device,
                    "compiled": compiled,
                    "ranks": ranks,
                    "settings": settings(arguments, recipe, size, amp, ranks),
                }
                found = measured(case, ranks)
                if isinstance(found, str):
                    print(f"{head} FAILED: {found} |", flush=True)
                    continue
                work = found["work"] or work
                top = peak(device, torch.bfloat16 if amp else torch.float32)
                print(head, " | ".join(row(case, found, work, top)), "|", flush=True)


def settings(
    arguments: argparse.Namespace, recipe: str, size: int, amp: bool, ranks: int
) -> dict[str, Any]:
    """Return the overrides of train.json for one case."""
    found: dict[str, Any] = {
        "dataset_dir": str(arguments.dataset),
        "runs_dir": str(arguments.runs),
        **{"recipe": recipe, "image_size": size, "amp": amp, "price": 1.0},
        **{"max_iterations": arguments.iterations, "checkpoints": 1},
    }
    if ranks == 1:  # several ranks choose their devices themselves
        found["device"] = f"$hg.best_device({arguments.device!r})"
    for pair in arguments.set:
        key, _, value = pair.partition("=")
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = value
    return found


if __name__ == "__main__":
    main()
