"""Time of a training step against the published order of operations, in one run on the same batches.

    python benchmarks/train_step.py --size 128 --batch 2 --rounds 5

A round is `n_critic` critic updates and one generator update. Both sides begin every round with the same weights,
the same optimiser state and the same batches (rounding alone would otherwise drive two float32 trainings apart);
the losses of the first round, which only warms up, are compared before any time is printed.

The other side is a plain transcription of what the authors' loop does, in its order: a generator pass with its graph
for every critic update, one network pass a set, plain convolutions throughout, a second generator pass on both sets
for the generator's update, gradients of the critic's weights in that update too, Adam as PyTorch makes it by default.
"""

from __future__ import annotations

import argparse
import copy
import platform
import statistics
import time
from collections.abc import Callable

import torch

from healthygan_monai.composition import compose_healthy, compose_reconstruction, split_output
from healthygan_monai.losses import (
    HealthyGANLoss,
    focus_loss,
    generator_adversarial_loss,
    gradient_penalty,
    identity_loss,
    reconstruction_loss,
)
from healthygan_monai.networks import Discriminator, Generator
from healthygan_monai.trainer import HealthyGANTrainer

N_CRITIC = 2
Batch = dict[str, torch.Tensor]
Step = Callable[[int, Batch], dict[str, float]]


def plain_copy(critic: Discriminator) -> Discriminator:
    """The critic with nothing but nn.Conv2d in it, as published; same weights."""
    copied = copy.deepcopy(critic)
    for index, layer in enumerate(critic.main):
        if isinstance(layer, torch.nn.Conv2d):
            plain = torch.nn.Conv2d(layer.in_channels, layer.out_channels, 4, stride=2, padding=1)
            copied.main[index] = plain.to(layer.weight.device)
    copied.load_state_dict(critic.state_dict())
    return copied


def published_step(generator, critic, optimizers, loss: HealthyGANLoss) -> Step:
    """One iteration in the authors' order (solver.py, read for its order only)."""

    def step(iteration: int, batch: Batch) -> dict[str, float]:
        mixed, healthy, alpha = batch["mixed"], batch["healthy"], batch["alpha"]
        real = critic(healthy).mean()
        translated = compose_healthy(mixed, *split_output(generator(mixed)))
        fake = critic(translated.detach()).mean()
        gp = gradient_penalty(critic, healthy, translated.detach(), alpha)
        for optimizer in optimizers:
            optimizer.zero_grad()
        (-real + fake + loss.lambda_gp * gp).backward()
        optimizers[1].step()
        found = {"d_real": real, "d_fake": fake, "gp": gp}
        if iteration % N_CRITIC == 0:
            intermediate, mask = split_output(generator(mixed))
            adversarial = generator_adversarial_loss(
                critic(compose_healthy(mixed, intermediate, mask))
            )
            rebuilt = compose_reconstruction(mixed, intermediate, mask)
            intermediate_b, mask_b = split_output(generator(healthy))
            adversarial_b = generator_adversarial_loss(
                critic(compose_healthy(healthy, intermediate_b, mask_b))
            )
            found["g_rec"] = reconstruction_loss(mixed, rebuilt)
            found["g_id"] = identity_loss(healthy, intermediate_b)
            found["g_focus"] = 0.5 * focus_loss(mask) + 0.5 * focus_loss(mask_b)
            total = (
                adversarial
                + adversarial_b
                + loss.lambda_id * found["g_id"]
                + loss.lambda_rec * found["g_rec"]
                + loss.lambda_f * found["g_focus"]
            )
            for optimizer in optimizers:
                optimizer.zero_grad()
            total.backward()
            optimizers[0].step()
            found |= {"g_adv": adversarial, "g_adv_healthy": adversarial_b}
        return {name: float(value.detach()) for name, value in found.items()}

    return step


def project_step(generator, critic, optimizers, loss: HealthyGANLoss, amp: bool) -> Step:
    """The same iteration by the trainer that the bundle uses."""
    device = next(generator.parameters()).device
    trainer = HealthyGANTrainer(
        device, 1, 1, [None], generator, critic, *optimizers, loss, N_CRITIC, amp=amp
    )

    def step(iteration: int, batch: Batch) -> dict[str, float]:
        trainer.state.iteration = iteration
        return {name: float(v) for name, v in trainer._iteration(trainer, batch).items()}

    return step


def adam(network: torch.nn.Module, **options) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.999), **options)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image-channels", type=int, default=3, help="3, as published")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--amp", action="store_true", help="bfloat16 on our side; losses then differ"
    )
    arguments = parser.parse_args()
    torch.manual_seed(0)
    device = torch.device(arguments.device)
    generator = Generator(arguments.image_channels).to(device)
    critic = Discriminator(arguments.image_channels).to(device)
    other = copy.deepcopy(generator), plain_copy(critic)
    optimizers = [adam(n, fused=True) for n in (generator, critic)]
    other_optimizers = [adam(n) for n in other]
    loss = HealthyGANLoss()
    sides = {
        "published order": published_step(*other, other_optimizers, loss),
        "this project": project_step(generator, critic, optimizers, loss, arguments.amp),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    worst = 0.0
    for number in range(
        arguments.rounds + 1
    ):  # the first round warms up and is compared, not timed
        batches = [_batch(arguments, device) for _ in range(N_CRITIC)]
        for ours, theirs in zip((generator, critic), other, strict=True):
            ours.load_state_dict(theirs.state_dict())
        for ours, theirs in zip(optimizers, other_optimizers, strict=True):
            state = copy.deepcopy(theirs.state_dict())
            state["param_groups"] = ours.state_dict()["param_groups"]  # ours stays the fused one
            ours.load_state_dict(state)
        losses = {}
        for name, step in sides.items():
            began = time.perf_counter()
            losses[name] = [step(i + 1, b) for i, b in enumerate(batches)]
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number > 0:
                seconds[name].append(time.perf_counter() - began)
        for published, mine in zip(*losses.values(), strict=True):
            differences = [abs(mine[k] - v) / abs(v) for k, v in published.items()]
            worst = max(worst, *differences)
    print(
        f"{_machine(device)}, {arguments.size} x {arguments.size}, batch {arguments.batch}, float32"
    )
    print(
        f"largest relative difference of any loss over {arguments.rounds + 1} rounds: {worst:.1e}"
    )
    base = statistics.median(seconds["published order"])
    print("| step | seconds a round (median) | speed |\n|---|---|---|")
    for name, values in seconds.items():
        print(
            f"| {name} | {statistics.median(values):.2f} | {base / statistics.median(values):.2f} |"
        )


def _batch(arguments: argparse.Namespace, device: torch.device) -> Batch:
    shape = (arguments.batch, arguments.image_channels, arguments.size, arguments.size)
    return {
        "mixed": torch.rand(shape, device=device) * 2 - 1,
        "healthy": torch.rand(shape, device=device) * 2 - 1,
        "alpha": torch.rand(arguments.batch, 1, 1, 1, device=device),
    }


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"


if __name__ == "__main__":
    main()
