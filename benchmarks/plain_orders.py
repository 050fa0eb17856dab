"""Training steps as plain transcriptions of other programs' order of operations, for
`train_step.py` and `published_run.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from healthygan_monai.composition import (
    compose_healthy,
    compose_reconstruction,
    split_output,
    translate,
)
from healthygan_monai.losses import (
    HealthyGANLoss,
    change_loss,
    focus_loss,
    generator_adversarial_loss,
    gradient_penalty,
    identity_loss,
    reconstruction_loss,
)
from healthygan_monai.networks.backbones import make_backbone
from healthygan_monai.networks.discriminator import HalvingConv
from healthygan_monai.networks.generator import InstanceNorm, LastConvolution
from healthygan_monai.pretrained.augmentation import view
from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.trainer import mask_moments

N_CRITIC = 2
Batch = dict[str, torch.Tensor]
Step = Callable[[int, Batch], dict[str, float]]


def plain_layers(network: torch.nn.Module) -> torch.nn.Module:
    """Give the paper's generator or critic PyTorch's own layers, as published; the same weights."""
    for layer in network.modules():
        if isinstance(layer, InstanceNorm):
            layer.__class__ = torch.nn.InstanceNorm2d
        elif isinstance(layer, LastConvolution | HalvingConv):
            layer.__class__ = torch.nn.Conv2d
    return network


def published_step(generator, critic, optimizers, loss: HealthyGANLoss) -> Step:
    """One iteration in the authors' order (solver.py, read for its order only)."""

    def step(iteration: int, batch: Batch) -> dict[str, float]:
        mixed, healthy, alpha = batch["mixed"], batch["healthy"], batch["alpha"]
        real = critic(healthy).mean()
        intermediate, mask = split_output(generator(mixed))
        translated = compose_healthy(mixed, intermediate, mask)
        fake = critic(translated.detach()).mean()
        gp = gradient_penalty(critic, healthy, translated.detach(), alpha)
        for optimizer in optimizers:
            optimizer.zero_grad()
        total_d = -real + fake + loss.lambda_gp * gp
        total_d.backward()
        optimizers[1].step()
        found = {"loss_d": total_d, "d_real": real, "d_fake": fake, "gp": gp}
        found |= mask_moments(mask.detach())
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
            found |= {"loss_g": total, "g_adv": adversarial, "g_adv_healthy": adversarial_b}
        return {name: float(value.detach()) for name, value in found.items()}

    return step


def plain_pretrained(critic: PretrainedCritic) -> PretrainedCritic:
    """Give the critic the frozen network as it is loaded: normalisations apart, memory as PyTorch
    has it by default; the same weights.
    """
    frozen = critic._frozen[0]
    frozen.network = make_backbone("efficientnet_lite0").network.to(frozen.mean.dtype)
    frozen.forward = lambda images: list(
        frozen.network(((images + 1) / 2 - frozen.mean) / frozen.std)
    )
    return critic.to(memory_format=torch.contiguous_format)


def projected_step(generator, critic: PretrainedCritic, optimizers, loss: HealthyGANLoss) -> Step:
    """One iteration in the order of Projected GAN's loss.py: critic on fake, critic on real, then a
    second pass of generator and frozen network for the generator.
    """

    def realness(images: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
        return critic(critic.features(view(images, views, critic.strength)))

    def step(iteration: int, batch: Batch) -> dict[str, float]:
        views = batch["views"]
        mixed, healthy = (
            view(batch["mixed"], views[:, 0], 1),
            view(batch["healthy"], views[:, 1], 1),
        )
        optimizers[1].zero_grad()
        translated = translate(mixed, generator(mixed)).healthy
        fake = realness(translated.detach(), views[:, 2])
        lost_fake = torch.relu(1 + fake).mean()
        lost_fake.backward()
        real = realness(healthy, views[:, 3])
        lost_real = torch.relu(1 - real).mean()
        lost_real.backward()
        optimizers[1].step()
        of_mixed, of_healthy = (translate(x, generator(x)) for x in (mixed, healthy))
        adversarial = generator_adversarial_loss(realness(of_mixed.healthy, views[:, 2]))
        change, change_healthy = change_loss(of_mixed), change_loss(of_healthy)
        total = adversarial + loss.price * (change + loss.price_healthy * change_healthy)
        for optimizer in optimizers:
            optimizer.zero_grad()
        total.backward()
        optimizers[0].step()
        found = {"loss_d": lost_fake + lost_real, "d_real": real.mean(), "d_fake": fake.mean()}
        found |= {"loss_g": total, "g_adv": adversarial, "g_change": change}
        return {name: float(value.detach()) for name, value in found.items()}

    return step
