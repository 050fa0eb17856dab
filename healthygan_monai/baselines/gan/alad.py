"""ALAD: an encoder and a generator learn to be each other's inverse under three discriminators.

Zenati, Romain, Foo, Lecouat, Chandrasekhar: Adversarially Learned Anomaly Detection, ICDM 2018
(arXiv:1812.02288). Authors' code: houssamzenati/Adversarially-Learned-Anomaly-Detection.

    D_xz    (x, E(x)) against (G(z), z)           BiGAN's
    D_xx    (x, x) against (x, G(E(x)))           cycle over images
    D_zz    (z, z) against (z, E(G(z)))           cycle over codes; ``d_zz``
    losses  cross-entropies; D's: first kind 1, second kind 0
            G: D_xz(G(z), z) to 1, E: D_xz(x, E(x)) to 0, and
            both: cyc = D_xx(x, x) to 0 + D_xx(x, G(E(x))) to 1 + the same of D_zz
    score   fm    || f_xx(x, x) - f_xx(x, G(E(x))) ||_1, f_xx what D_xx's last layer sees: published
            l1, l2  || x - G(E(x)) ||_1, _2      ch  cross-entropy of D_xx(x, G(E(x))) to 1

Published (cifar10_utilities.py, run.py): 32 x 32 x 3, z of 100, batch 32, Adam 2e-4 (0.5, 0.999),
weights N(0, 0.01), spectral norm in E and the discriminators except each last layer, batch norm
(1e-3, decay 0.99), dropout 0.2, scores from weights averaged with decay 0.999; a quarter of the
healthy images held out, training ended after more than 10 epochs without a lower mean score of
them. In an iteration the discriminators step, then G and E. The number of epochs is an argument
without a default there; here at most 100.

Larger images: E, G and D_xz have further layers of 512 channels down to 4 x 4 pixels, D_xx of 128
down to 8 x 8, so that f_xx has 8,192 values at any size. Our own design, as no other size is
published. Departures: ``Alad.departures``.
"""

import copy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional

from healthygan_monai.baselines.gan import alad_networks
from healthygan_monai.baselines.gan.alad_networks import CONCATENATIONS, with_spectral_norm
from healthygan_monai.baselines.gan.base import Gan, Losses
from healthygan_monai.baselines.gan.blocks import draw_from, follow, normal_weights, to_one, to_zero
from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.settings import GanSettings


@dataclass(frozen=True, kw_only=True)
class AladSettings(GanSettings):
    """Defaults of the authors' code; see :class:`.GanSettings` for the rest.

    Args:
        latent: length of z.
        features: channels after E's first convolution.
        spectral_norm: as published with ``--sn``.
        d_zz: whether there is a D_zz, as published with ``--enable_dzz``.
        ema_decay: of the weights that score.
        score: ``fm``, ``l1``, ``l2`` or ``ch``.
        concatenate: D_xx's pair: as ``channels``, or in ``height`` (authors' code).
    """

    CHOICES: ClassVar = {"score": ("fm", "l1", "l2", "ch"), "concatenate": CONCATENATIONS}
    epochs: int = 100
    batch_size: int = 32
    validation_share: float = 0.25
    patience: int = 10
    latent: int = 100
    features: int = 128
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    spectral_norm: bool = True
    d_zz: bool = True
    ema_decay: float = 0.999
    score: str = "fm"
    concatenate: str = "channels"


class AladNetworks(Gan):
    """E, G, three discriminators, the averaged weights that score, and the step."""

    scoring_networks = ("mean_encoder", "mean_generator", "mean_xx")
    settings: AladSettings

    def __init__(self, settings: AladSettings) -> None:
        super().__init__(settings)
        channels, size, _ = settings.shape
        images, latent = (size, channels, settings.features), settings.latent
        self.encoder = alad_networks.encoder(*images, latent)
        self.generator = alad_networks.generator(*images, latent)
        self.xz = alad_networks.DiscriminatorXZ(*images, latent)
        self.xx = alad_networks.DiscriminatorXX(*images, settings.concatenate)
        self.zz = alad_networks.DiscriminatorZZ(latent)
        normal_weights(self, 0.01)
        if settings.spectral_norm:
            for network in (self.encoder, self.xz, self.xx, self.zz):
                with_spectral_norm(network)
        self.mean_encoder, self.mean_generator, self.mean_xx = (
            copy.deepcopy(network).requires_grad_(False)
            for network in (self.encoder, self.generator, self.xx)
        )

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        names = ["xz", "xx", *(["zz"] if self.settings.d_zz else []), "generator", "encoder"]
        return self.adam(names, self.settings.learning_rate, self.settings.betas)

    def step(self, images: torch.Tensor, iteration: int, generator: torch.Generator) -> Losses:
        """Step the discriminators, then G and E, each with new z."""
        draw_from(generator, self)
        first, second = (self.noise(images, generator) for _ in range(2))
        d_losses = self.discriminator_losses(images, first)
        self.update(**d_losses)
        terms = self.generator_losses(images, second)
        self.update(generator=terms["loss_g"], encoder=terms["loss_e"])
        for name in ("encoder", "generator", "xx"):
            follow(getattr(self, f"mean_{name}"), getattr(self, name), self.settings.ema_decay)
        draw_from(None, self)
        loss_d = torch.stack([*d_losses.values()]).sum()
        return {"loss_d": loss_d, **{f"d_{n}": v for n, v in d_losses.items()}, **terms}

    def logits(self, images: torch.Tensor, z: torch.Tensor) -> Losses:
        """Return every discriminator's logits on its two kinds of pairs; (B,) each."""
        code, drawn = self.run(self.encoder, images), self.run(self.generator, z)
        found = {
            "xz_encoded": self.run(self.xz, images, code)[0],
            "xz_drawn": self.run(self.xz, drawn, z)[0],
            "xx_same": self.run(self.xx, images, images)[0],
            "xx_rebuilt": self.run(self.xx, images, self.run(self.generator, code))[0],
        }
        if self.settings.d_zz:
            found["zz_same"] = self.run(self.zz, z, z)[0]
            found["zz_rebuilt"] = self.run(self.zz, z, self.run(self.encoder, drawn))[0]
        return found

    def discriminator_losses(self, images: torch.Tensor, z: torch.Tensor) -> Losses:
        """Push the first kind of pair to 1, the second to 0, for each discriminator."""
        found = self.logits(images, z)
        losses = {"xz": to_one(found["xz_encoded"]) + to_zero(found["xz_drawn"])}
        for name in ("xx", "zz") if self.settings.d_zz else ("xx",):
            losses[name] = to_one(found[f"{name}_same"]) + to_zero(found[f"{name}_rebuilt"])
        return losses

    def generator_losses(self, images: torch.Tensor, z: torch.Tensor) -> Losses:
        """Push the opposite way, for G and for E, with the cycles for both."""
        found = self.logits(images, z)
        cycle = to_zero(found["xx_same"]) + to_one(found["xx_rebuilt"])
        if self.settings.d_zz:
            cycle = cycle + to_zero(found["zz_same"]) + to_one(found["zz_rebuilt"])
        loss_g, loss_e = to_one(found["xz_drawn"]) + cycle, to_zero(found["xz_encoded"]) + cycle
        return {"loss_g": loss_g, "loss_e": loss_e, "g_cycle": cycle}

    def image_scores(self, images: torch.Tensor) -> torch.Tensor:
        """Return the chosen one of fm, l1, l2, ch."""
        rebuilt, kind = self.rebuilt(images), self.settings.score
        if kind in ("l1", "l2"):
            order = int(kind[1])
            return torch.linalg.vector_norm((images - rebuilt).flatten(1), order, dim=1)
        logits, features = self.run(self.mean_xx, images, rebuilt)
        if kind == "ch":
            return functional.softplus(-logits)
        _, same = self.run(self.mean_xx, images, images)
        return (same - features).flatten(1).abs().sum(1)

    def rebuilt(self, images: torch.Tensor) -> torch.Tensor:
        """G(E(x)), by the averaged weights."""
        return self.run(self.mean_generator, self.run(self.mean_encoder, images))


class Alad(GanDetector):
    """See the module. The map is |x - G(E(x))|: the authors give none."""

    name = "alad"
    title = "ALAD"
    reference = "Zenati et al., ICDM 2018 (arXiv:1812.02288)"
    scores_by = "L1 distance of D_xx's features of (x, x) and (x, G(E(x)))"
    Settings = AladSettings
    Networks = AladNetworks
    departures = (
        "D_xx sees its pair along channels: the authors' code puts one image above the other "
        "(concatenate)",
        "one batch of images serves both steps of an iteration, where the authors draw a second "
        "order",
        "no gradient through the power iteration of spectral norm",
        "larger images than 32 pixels: further layers of our own",
    )
