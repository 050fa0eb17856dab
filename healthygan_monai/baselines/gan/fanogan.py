"""f-AnoGAN: a WGAN learns to draw healthy images, an encoder to find the nearest drawing.

Schlegl, Seeboeck, Waldstein, Langs, Schmidt-Erfurth: f-AnoGAN, Fast Unsupervised Anomaly Detection
with Generative Adversarial Networks, Medical Image Analysis 54 (2019). Authors' code:
tSchlegl/f-AnoGAN.

    stage 1   WGAN-GP: loss_d = E D(G(z)) - E D(x) + 10 E (|| grad D(x') ||_2 - 1)^2
                       loss_g = -E D(G(z))
    stage 2   izi_f, G and D fixed:
                       loss_e = 1/n || x - G(E(x)) ||^2 + kappa/n_d || f(x) - f(G(E(x))) ||^2
    score     A(x) = A_R(x) + kappa A_D(x): the same expression for one image
    map       | x - G(E(x)) |

f: what D's last layer sees, 8,192 values. Published: 64 x 64 grey, flips, z N(0, I) of 128, 64
features, batch 64; residual blocks, batch norm in G and E (1e-3, decay 0.99), layer norm in D; He
and Glorot uniform weights; stage 1 Adam 1e-4 (0, 0.9), 5 updates of D to one of G, 7 epochs; stage
2 RMSProp 5e-5, 50,000 iterations, tanh on E's output, kappa 1.

An iteration is one batch of healthy images: an update of D (every fifth with one of G) in stage 1,
of E in stage 2. Other sizes than 64 have more or fewer of the blocks at the side of the 4 x 4
pixels. Departures: ``FAnoGAN.departures``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from healthygan_monai.baselines.gan.base import Gan, Losses
from healthygan_monai.baselines.gan.blocks import rmsprop
from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.fanogan_networks import (
    Critic,
    Encoder,
    Generator,
    uniform_weights,
)
from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.baselines.images import Shape
from healthygan_monai.losses import gradient_penalty

ENCODER_ITERATIONS = 50_000


@dataclass(frozen=True, kw_only=True)
class FAnoGANSettings(GanSettings):
    """Defaults of the authors' code; see :class:`.GanSettings` for the rest.

    Args:
        epochs: of stage 1.
        max_iterations: of both stages; None for stage 1's epochs plus the encoder's.
        encoder_iterations: of stage 2; None for 50,000, or half of ``max_iterations`` if set.
        latent: length of z.
        features: channels after D's first convolution, DIM.
        lambda_gp, n_critic: weight of the penalty; updates of D for one of G.
        kappa: weight of the features in loss_e and in the score.
    """

    epochs: int = 7
    flip_prob: float = 0.5
    encoder_iterations: int | None = None
    latent: int = 128
    features: int = 64
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.0, 0.9)
    encoder_learning_rate: float = 5e-5
    lambda_gp: float = 10.0
    n_critic: int = 5
    kappa: float = 1.0

    def _problems(self) -> Iterable[str]:
        yield from super()._problems()
        encoding, total = self.encoder_iterations, self.max_iterations
        if encoding is not None and (encoding < 1 or (total is not None and encoding >= total)):
            yield (
                f"encoder_iterations is {encoding}; expected at least 1 and fewer than "
                f"max_iterations ({total})"
            )

    def resolved(self, images: int, shape: Shape) -> FAnoGANSettings:
        """As the base class; ``max_iterations`` is the sum of both stages."""
        found = super().resolved(images, shape)
        total = found.max_iterations or 0
        encoding = self.encoder_iterations
        if self.max_iterations is None:
            encoding = encoding or ENCODER_ITERATIONS
            total += encoding
        return dataclasses.replace(
            found, max_iterations=total, encoder_iterations=encoding or max(1, total // 2)
        )


class FAnoGANNetworks(Gan):
    """G, D, E, and the steps of both stages."""

    scoring_networks = ("generator", "critic", "encoder")
    settings: FAnoGANSettings

    def __init__(self, settings: FAnoGANSettings) -> None:
        super().__init__(settings)
        self.gan_iterations = (settings.max_iterations or 0) - (settings.encoder_iterations or 0)
        channels, size, _ = settings.shape
        self.generator = Generator(size, channels, settings.features, settings.latent)
        self.critic = Critic(size, channels, settings.features)
        self.encoder = Encoder(size, channels, settings.features, settings.latent)
        uniform_weights(self)

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        s = self.settings
        encoder = rmsprop(self.encoder.parameters(), s.encoder_learning_rate)
        return {**self.adam(("generator", "critic"), s.learning_rate, s.betas), "encoder": encoder}

    def step(self, images: torch.Tensor, iteration: int, generator: torch.Generator) -> Losses:
        """Stage 1 for the first iterations, stage 2 for the last ``encoder_iterations``."""
        if iteration >= self.gan_iterations:
            return self.encoder_step(images)
        terms = self.critic_step(images, generator)
        if (iteration + 1) % self.settings.n_critic == 0:
            fake = self.run(self.generator, self.noise(images, generator))
            terms["loss_g"] = -self.run(self.critic, fake).mean()
            self.update(generator=terms["loss_g"])
        return terms

    def critic_step(self, images: torch.Tensor, generator: torch.Generator) -> Losses:
        """Compute loss_d and step D; the penalty stays out of autocast."""
        with torch.no_grad():
            fake = self.run(self.generator, self.noise(images, generator))
        alpha = torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device)
        gp = gradient_penalty(self.critic, images, fake, alpha)
        distance = self.run(self.critic, fake).mean() - self.run(self.critic, images).mean()
        loss = distance + self.settings.lambda_gp * gp
        self.update(critic=loss)
        return {"loss_d": loss, "d_distance": -distance, "gp": gp}

    def encoder_step(self, images: torch.Tensor) -> Losses:
        """Compute loss_e and step E; G draws with its running statistics, as the authors' does."""
        self.generator.eval()
        image, features = (residual.mean() for residual in self.residuals(images))
        loss = image + self.settings.kappa * features
        self.update(encoder=loss)
        return {"loss_e": loss, "e_image": image, "e_features": features}

    def residuals(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return A_R and A_D: mean squares over pixels and over features, (B,) each."""
        rebuilt = self.rebuilt(images)
        seen, drawn = (self.run(self.critic.features, x) for x in (images, rebuilt))
        return (images - rebuilt).square().flatten(1).mean(1), (seen - drawn).square().mean(1)

    def image_scores(self, images: torch.Tensor) -> torch.Tensor:
        """A_R + kappa A_D."""
        image, features = self.residuals(images)
        return image + self.settings.kappa * features

    def rebuilt(self, images: torch.Tensor) -> torch.Tensor:
        """G(E(x))."""
        return self.run(self.generator, self.run(self.encoder, images))


class FAnoGAN(GanDetector):
    """See the module."""

    name = "f-anogan"
    title = "f-AnoGAN"
    reference = "Schlegl et al., Medical Image Analysis 2019"
    scores_by = "A_R + kappa A_D"
    Settings = FAnoGANSettings
    Networks = FAnoGANNetworks
    departures = (
        "both stages in one run, counted in batches of healthy images; the authors run them one "
        "after the other",
        "batches cross the ends of epochs",
        "G's running statistics also see the noise of the critic's updates",
    )
