"""Time of a training step against the published order of operations, in one run on like batches.

    python benchmarks/train_step.py --size 128 --batch 2 --rounds 5
    python benchmarks/train_step.py --recipe pretrained --size 64 --batch 16

A round is `n_critic` critic updates and one generator update. First one round from the same weights
on the same batches is compared: term by term in float64, and in float32 the two objectives (an
untrained critic is so close to 0 that single terms of it differ by rounding). Then the two sides
take turns, each in a process of its own, so that ours keeps freed memory as a workflow of the
bundle does, and the other one has the C library's own way. "Pages" are those of memory that a round
asks the system for; 4 KiB each on x86-64.

The other side is a plain transcription of what the authors' loop does, in its order: a generator
pass with its graph for every critic update, one network pass a set, plain convolutions throughout,
a second generator pass on both sets for the generator's update, gradients of the critic's weights
in that update too, Adam as PyTorch makes it by default.

For the recipe `pretrained`, of which nobody has published code, it is the order of Projected GAN's
loop: the critic on fakes and on real images apart, a second pass of generator and frozen network
for the generator, the frozen network as it is loaded. A round is then one update of each.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import multiprocessing
import platform
import resource
import statistics
import time
from dataclasses import replace
from multiprocessing.pool import Pool

import torch
from plain_orders import (
    Batch,
    Step,
    plain_layers,
    plain_pretrained,
    projected_step,
    published_step,
)
from torch.utils.flop_counter import FlopCounterMode

from data_prep.work.kept import keep_freed_memory
from healthygan_monai.data.plan import RECIPES, Plan, at_size
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.networks import Discriminator, make_generator
from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.pretrained.make import make_trainer

OURS = "this project"
TURN = 2  # seconds, of the first round: short rounds are repeated, for a process wakes slowly
THEIRS = {"paper": "published order", "pretrained": "Projected GAN's order"}


def project_step(generator, critic, optimizers, loss: HealthyGANLoss, n_critic, amp: bool) -> Step:
    """The same iteration by the trainer that the bundle uses."""
    trainer = make_trainer(
        device=next(generator.parameters()).device,
        max_iterations=1,
        epoch_length=1,
        train_data_loader=[None],
        generator=generator,
        critic=critic,
        generator_optimizer=optimizers[0],
        critic_optimizer=optimizers[1],
        loss=loss,
        n_critic=n_critic,
        amp=amp,
    )

    def step(iteration: int, batch: Batch) -> dict[str, float]:
        trainer.state.iteration = iteration
        return {name: float(v) for name, v in trainer._iteration(trainer, batch).items()}

    return step


def adam(network: torch.nn.Module, **options) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.999), **options)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return the recipe's networks at that size; the paper's with colour images, as published."""
    channels = {"paper": 3, "pretrained": 1}[arguments.recipe]
    channels = arguments.image_channels or channels
    return at_size(replace(RECIPES[arguments.recipe], image_channels=channels), arguments.size)


class Sides:
    """The two steps beside each other, with networks of one set of weights."""

    def __init__(self, arguments: argparse.Namespace, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        device, plan = torch.device(arguments.device), plan_of(arguments)
        generator = make_generator(
            plan.image_channels, plan.generator_channels, plan.generator_blocks, plan.translation
        ).to(device, dtype)
        if plan.critic == "paper":
            order, plain = published_step, plain_layers
            critic = Discriminator(plan.image_channels, plan.critic_channels)
            loss = HealthyGANLoss()
        else:
            order, plain = projected_step, plain_pretrained
            critic = PretrainedCritic(side=plan.critic_size, channels=plan.critic_channels)
            for layer in critic.modules():  # the two orders would go unlike many steps
                if hasattr(layer, "n_power_iterations"):
                    layer.n_power_iterations = 0
            loss = HealthyGANLoss(price=3.0, price_healthy=plan.price_healthy, lambda_adv_healthy=0)
        critic = critic.to(device, dtype)
        others = [
            plain_layers(copy.deepcopy(generator)),
            plain(copy.deepcopy(critic)).to(device, dtype),
        ]
        optimizers = [adam(n, fused=True) for n in (generator, critic)]
        ours = project_step(generator, critic, optimizers, loss, plan.n_critic, arguments.amp)
        self.steps = {
            THEIRS[arguments.recipe]: order(*others, [adam(n) for n in others], loss),
            OURS: ours,
        }


def compare(arguments: argparse.Namespace, dtype: torch.dtype) -> tuple[float, float]:
    """Return the largest relative difference of any term and of both objectives (Eq. 8, Eq. 9)."""
    sides = Sides(arguments, dtype)
    terms = totals = 0.0
    for iteration in range(1, plan_of(arguments).n_critic + 1):
        batch = _batch(arguments, dtype)
        published, ours = (step(iteration, batch) for step in sides.steps.values())
        for name, value in published.items():
            difference = abs(ours[name] - value) / abs(value)
            terms = max(terms, difference)
            if name in ("loss_d", "loss_g"):
                totals = max(totals, difference)
    return terms, totals


class OneModule(contextlib.nullcontext):
    """In place of FlopCounterMode's ``ModuleTracker``, which cannot follow Eq. 3."""

    parents = frozenset({"Global"})


def work_of_a_round(step: Step, arguments: argparse.Namespace) -> float:
    """Return the operations of convolutions and products, forward and backward."""
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = OneModule()  # type: ignore[assignment]
    with counter:
        for iteration in range(1, plan_of(arguments).n_critic + 1):
            step(iteration, _batch(arguments, torch.float32))
    return float(counter.get_total_flops())


def convolution_limit(arguments: argparse.Namespace) -> float:
    """Return the operations a second of 3 x 3 convolutions of 256 channels, the best of ten.

    Forward and backward, at a quarter of the size and both sets, as in the residual blocks: what
    PyTorch's own library reaches here on most of the work.
    """
    device, side = torch.device(arguments.device), arguments.size // 4
    images = torch.rand(2 * arguments.batch, 256, side, side, device=device, requires_grad=True)
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False, device=device)
    work, best = 3 * 2 * 9 * 256 * 256 * images.shape[0] * side * side, float("inf")
    for _ in range(11):
        began = time.perf_counter()
        layer(images).backward(images.detach())
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return work / best


def a_process(arguments: argparse.Namespace, name: str) -> Pool:
    """Return a process that holds one of the two sides; forked before PyTorch begins to compute."""
    return multiprocessing.get_context("fork").Pool(1, take_side, (arguments, name))


def take_side(arguments: argparse.Namespace, name: str) -> None:
    global _step
    if name == OURS:
        keep_freed_memory()
    _step = Sides(arguments, torch.float32).steps[name]


def a_round(arguments: argparse.Namespace, times: int = 1) -> tuple[float, float]:
    """Return the seconds and pages of this process's side, without the making of the batches."""
    batches = [_batch(arguments, torch.float32) for _ in range(plan_of(arguments).n_critic)]
    began, pages = time.perf_counter(), page_faults()
    for _ in range(times):
        for iteration, batch in enumerate(batches, start=1):
            _step(iteration, batch)
    if torch.device(arguments.device).type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / times, (page_faults() - pages) / times


def page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipe", choices=RECIPES, default="paper")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image-channels", type=int, help="default: 3, as published, or 1")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--amp", action="store_true", help="bfloat16 on our side; losses then differ"
    )
    arguments = parser.parse_args()
    if min(arguments.size, arguments.batch, arguments.rounds) < 1:
        parser.error("--size, --batch and --rounds: expected at least 1.")
    processes = {name: a_process(arguments, name) for name in (THEIRS[arguments.recipe], OURS)}
    device = torch.device(arguments.device)
    print(
        f"{_machine(device)}, recipe {arguments.recipe}, {arguments.size} x {arguments.size}, "
        f"batch {arguments.batch}, float32"
    )
    if not arguments.amp:
        terms, _ = compare(arguments, torch.float64)
        _, totals = compare(arguments, torch.float32)
        print(f"losses, one round, largest relative difference: any term in float64 {terms:.1e}")
        print(f"objectives (Eq. 8, Eq. 9) in float32 {totals:.1e}")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    first = [process.apply(a_round, (arguments,))[0] for process in processes.values()]
    times = max(1, round(TURN / max(first)))  # the first round warms up
    for _ in range(arguments.rounds):
        for name, process in processes.items():
            found[name].append(process.apply(a_round, (arguments, times)))
    for process in processes.values():
        process.close()
        process.join()
    sides = Sides(arguments, torch.float32)
    medians = {
        name: [statistics.median(v) for v in zip(*f, strict=True)] for name, f in found.items()
    }
    base = medians[THEIRS[arguments.recipe]][0]
    limit = convolution_limit(arguments)
    print(f"limit: a convolution of the residual blocks alone, {limit / 1e9:.0f} GFLOP/s")
    print("| step | seconds a round (median) | speed | pages | GFLOP a round | of the limit |")
    print("|---|---|---|---|---|---|")
    for name, (middle, pages) in medians.items():
        work = work_of_a_round(sides.steps[name], arguments)
        cells = [name, f"{middle:.2f}", f"{base / middle:.2f}", f"{pages:.0f}"]
        cells += [f"{work / 1e9:.0f}", f"{100 * work / middle / limit:.0f} %"]
        print(f"| {' | '.join(cells)} |")


def _batch(arguments: argparse.Namespace, dtype: torch.dtype) -> Batch:
    options = {"device": torch.device(arguments.device), "dtype": dtype}
    shape = (arguments.batch, plan_of(arguments).image_channels, arguments.size, arguments.size)
    return {
        "mixed": torch.rand(shape, **options) * 2 - 1,
        "healthy": torch.rand(shape, **options) * 2 - 1,
        "alpha": torch.rand(arguments.batch, 1, 1, 1, **options),
        "views": torch.rand(arguments.batch, 4, 6, **options),
    }


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"


if __name__ == "__main__":
    main()
