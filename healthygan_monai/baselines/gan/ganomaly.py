"""GANomaly: an encoder-decoder-encoder whose two codes differ where it meets the unknown.

Akcay, Atapour-Abarghouei, Breckon: GANomaly, Semi-Supervised Anomaly Detection via Adversarial
Training, ACCV 2018 (arXiv:1805.06725). Authors' code: samet-akcay/ganomaly.

    z = G_E(x),  x^ = G_D(z),  z^ = E(x^);  f(.): what the discriminator's last convolution sees
    Eq. 2   L_adv = || f(x) - f(x^) ||_2       in the authors' code the mean of squares
    Eq. 3   L_con = || x - x^ ||_1             mean
    Eq. 4   L_enc = || z - z^ ||_2             mean of squares in the code
    Eq. 5   L = w_adv L_adv + w_con L_con + w_enc L_enc
    code    loss_d = (BCE(D(x), 1) + BCE(D(x^), 0)) / 2
    Eq. 6   A(x) = || z - z^ ||_1 in the paper; mean of (z - z^)^2 in the authors' code, as here

Published (options.py): 32 x 32, nz 100, 64 features, batch 64, 15 epochs, Adam 2e-4 (0.5, 0.999),
weights 1, 50, 1, convolutions N(0, 0.02), batch norm N(1, 0.02). One step of the generator, then
one of the discriminator, whose outputs are from before the generator's step; a discriminator whose
loss falls below 1e-5 is initialised again. Larger images have more halvings down to 4 x 4, each
doubling the channels, as in the authors' code (256 pixels: 2,048).

``Ganomaly.departures``: the first two make the published figures optimistic; they are not offered.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from healthygan_monai.baselines.gan.base import Gan, Losses
from healthygan_monai.baselines.gan.blocks import halvings, normal_weights, to_one, to_zero
from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.settings import GanSettings

COLLAPSED = 1e-5  # authors' model.py: a discriminator better than this teaches nothing


@dataclass(frozen=True, kw_only=True)
class GanomalySettings(GanSettings):
    """Defaults of the authors' options.py; see :class:`.GanSettings` for the rest.

    Args:
        latent: length of the codes, nz.
        features: channels after the first convolution, ngf = ndf.
        w_adv, w_con, w_enc: weights of Eq. 5.
    """

    epochs: int = 15
    latent: int = 100
    features: int = 64
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    w_adv: float = 1.0
    w_con: float = 50.0
    w_enc: float = 1.0


def encoder(image_size: int, channels: int, features: int, latent: int) -> nn.Sequential:
    """(B, C, H, W) -> (B, latent, 1, 1); halves down to 4 x 4 pixels, doubling the channels."""
    layers = [nn.Conv2d(channels, features, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for _ in range(halvings(image_size, 8)):
        layers.append(nn.Conv2d(features, 2 * features, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(2 * features), nn.LeakyReLU(0.2)]
        features *= 2
    return nn.Sequential(*layers, nn.Conv2d(features, latent, 4, 1, 0, bias=False))


def decoder(image_size: int, channels: int, features: int, latent: int) -> nn.Sequential:
    """The encoder mirrored; (B, latent, 1, 1) -> (B, C, H, W) in [-1, 1]."""
    width = features * 2 ** halvings(image_size, 8)
    first = nn.ConvTranspose2d(latent, width, 4, 1, 0, bias=False)
    layers = [first, nn.BatchNorm2d(width), nn.ReLU()]
    while width > features:
        layers.append(nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(width // 2), nn.ReLU()]
        width //= 2
    layers += [nn.ConvTranspose2d(features, channels, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """G_E, G_D and E."""

    def __init__(self, image_size: int, channels: int, features: int, latent: int) -> None:
        super().__init__()
        self.encoder1 = encoder(image_size, channels, features, latent)
        self.decoder = decoder(image_size, channels, features, latent)
        self.encoder2 = encoder(image_size, channels, features, latent)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, C, H, W) -> x^ likewise, z and z^ (B, latent)."""
        z = self.encoder1(images)
        rebuilt = self.decoder(z)
        return rebuilt, z.flatten(1), self.encoder2(rebuilt).flatten(1)


class Discriminator(nn.Module):
    """An encoder with one output; the published sigmoid is in the loss."""

    def __init__(self, image_size: int, channels: int, features: int) -> None:
        super().__init__()
        layers = encoder(image_size, channels, features, 1)
        self.features = layers[:-1]
        self.classifier = layers[-1]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, H, W) -> logits (B,) of being real, features (B, K, 4, 4)."""
        features = self.features(images)
        return self.classifier(features).flatten(), features


def generator_loss(
    settings: GanomalySettings,
    real: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    rebuilt: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> Losses:
    """Return Eq. 2 to 5 of (x, z, f(x)) and (x^, z^, f(x^))."""
    terms = {
        "g_adv": functional.mse_loss(rebuilt[2], real[2]),
        "g_con": functional.l1_loss(rebuilt[0], real[0]),
        "g_enc": functional.mse_loss(rebuilt[1], real[1]),
    }
    loss = settings.w_adv * terms["g_adv"] + settings.w_con * terms["g_con"]
    return terms | {"loss_g": loss + settings.w_enc * terms["g_enc"]}


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """(BCE(D(x), 1) + BCE(D(x^), 0)) / 2, of logits (B,)."""
    return (to_one(real) + to_zero(fake)) / 2


class GanomalyNetworks(Gan):
    """Generator, discriminator, and their step."""

    scoring_networks = ("generator",)
    settings: GanomalySettings

    def __init__(self, settings: GanomalySettings) -> None:
        super().__init__(settings)
        channels, size, _ = settings.shape
        self.generator = Generator(size, channels, settings.features, settings.latent)
        self.discriminator = Discriminator(size, channels, settings.features)
        normal_weights(self, 0.02, 0.02)

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        names = ("generator", "discriminator")
        return self.adam(names, self.settings.learning_rate, self.settings.betas)

    def step(self, images: torch.Tensor, iteration: int, generator: torch.Generator) -> Losses:
        """Both losses of the networks as they are, then a step of each network."""
        rebuilt, z, z_hat = self.run(self.generator, images)
        real, real_features = self.run(self.discriminator, images)
        fake, fake_features = self.run(self.discriminator, rebuilt)
        given, made = (images, z, real_features), (rebuilt, z_hat, fake_features)
        terms = generator_loss(self.settings, given, made)
        loss_d = discriminator_loss(real, fake)
        self.update(generator=terms["loss_g"], discriminator=loss_d)
        if loss_d < COLLAPSED:
            normal_weights(self.discriminator, 0.02, 0.02, generator)
        return {"loss_d": loss_d, **terms}

    def image_scores(self, images: torch.Tensor) -> torch.Tensor:
        """Eq. 6 as coded: mean over the code of (z - z^)^2."""
        _, z, z_hat = self.run(self.generator, images)
        return (z - z_hat).square().mean(1)

    def rebuilt(self, images: torch.Tensor) -> torch.Tensor:
        """x^."""
        return self.run(self.generator, images)[0]


class Ganomaly(GanDetector):
    """See the module. The map is |x - x^|: the authors give none."""

    name = "ganomaly"
    title = "Ganomaly"
    reference = "Akcay et al., ACCV 2018 (arXiv:1805.06725)"
    scores_by = "mean squared distance of the two codes"
    Settings = GanomalySettings
    Networks = GanomalyNetworks
    departures = (
        "scores in evaluation mode: the authors' networks stay in training mode, where a score "
        "depends on its batch",
        "no choice of the epoch by the AUC on test images: the last iteration is the model",
        "scores are not scaled to the minimum and maximum of the test set",
        "discriminator's sigmoid inside of the loss, which is the same number and does not "
        "overflow",
        "batches cross the ends of epochs, where the authors drop an incomplete one",
    )
