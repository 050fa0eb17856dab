"""ALOCC: R refines noisy healthy images, D judges them; what R cannot refine, D refuses.

Sabokrou, Khalooei, Fathy, Adeli: Adversarially Learned One-Class Classifier for Novelty Detection,
CVPR 2018 (arXiv:1802.09088). Authors' code: khalooei/ALOCC-CVPR2018.

    x~ = x + n,  n ~ N(0, sigma^2 I)
    L_R+D   min over R, max over D of E log D(x) + E log(1 - D(R(x~)))
    L_R     || x - R(x~) ||^2
    L       = L_R+D + lambda L_R
    score   1 - D(R(x)), of the image without noise

Published (code): grey patches of 45 x 45, or 28 x 28; 5 x 5 convolutions of stride 2 with
TensorFlow's padding; R: 32, 64, 128 channels, then 32, 16 and the image; D: 16, 32, 64, 128,
linear; batch norm (1e-5, decay 0.9); batch 128, 40 epochs, RMSProp 0.002 for both, lambda 0.2
(r_alpha), sigma 0.155 for images in [0, 1]; for one step of D two of R ("different from paper").
The authors end training by eye.

The code's L_R is not the paper's: it takes R's output, after tanh, as the logit of a cross-entropy
whose target is the *noisy* image. Its optimum is not the image (a logit in [-1, 1] is a probability
in [0.27, 0.73]). The paper's L_R is our default; ``refinement`` and ``refine_to`` give the code's.

On phantom films of 32 pixels, in short trainings, R soon fools D (loss_d stays at 2 log 2) and the
AUROC of the score varies between 0.37 and 0.69 every hundred iterations; with noise of 1.2 the
map's mean, ``score_by="refinement"``, is stable (0.71 to 0.78). Images from 128 pixels on have more
layers, so that R narrows to 8 x 8 pixels. Further departures: ``Alocc.departures``.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional

from healthygan_monai.baselines.gan.alocc_networks import Refiner, discriminator
from healthygan_monai.baselines.gan.base import Gan, Losses
from healthygan_monai.baselines.gan.blocks import normal_weights, rmsprop, to_one, to_zero
from healthygan_monai.baselines.gan.detector import GanDetector, rebuilding_error
from healthygan_monai.baselines.gan.settings import GanSettings

R_STEPS = 2  # authors' models.py: steps of R for one of D


@dataclass(frozen=True, kw_only=True)
class AloccSettings(GanSettings):
    """Defaults of the authors' train.py; see :class:`.GanSettings` for the rest.

    Args:
        features: channels after D's first convolution, df_dim = gf_dim.
        weight: lambda, r_alpha.
        noise: sigma for images in [-1, 1], twice that of images in [0, 1].
        refinement: ``l2`` (paper) or ``cross_entropy`` (code).
        refine_to: ``clean`` (paper) or ``noisy`` (code).
        score_by: ``critic`` (paper), 1 - D(R(x)); or ``refinement``, the mean of |x - R(x)|.
    """

    CHOICES: ClassVar = {
        "refinement": ("l2", "cross_entropy"),
        "refine_to": ("clean", "noisy"),
        "score_by": ("critic", "refinement"),
    }
    epochs: int = 40
    batch_size: int = 128
    calibration_batches: int = 32
    features: int = 16
    learning_rate: float = 0.002
    weight: float = 0.2
    noise: float = 0.31
    refinement: str = "l2"
    refine_to: str = "clean"
    score_by: str = "critic"


def refinement_loss(refined: torch.Tensor, target: torch.Tensor, kind: str) -> torch.Tensor:
    """Return L_R of images in [-1, 1]: mean (target - R)^2, or the code's, with R as the logit."""
    if kind == "l2":
        return functional.mse_loss(refined, target)
    return functional.binary_cross_entropy_with_logits(refined, (target + 1) / 2)


class AloccNetworks(Gan):
    """R, D, and their step."""

    scoring_networks = ("refiner", "discriminator")
    settings: AloccSettings

    def __init__(self, settings: AloccSettings) -> None:
        super().__init__(settings)
        channels, size, _ = settings.shape
        self.refiner = Refiner(size, channels, settings.features)
        self.discriminator = discriminator(size, channels, settings.features)
        normal_weights(self, 0.02)

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        networks = {"refiner": self.refiner, "discriminator": self.discriminator}
        rate = self.settings.learning_rate
        return {name: rmsprop(network.parameters(), rate) for name, network in networks.items()}

    def step(self, images: torch.Tensor, iteration: int, generator: torch.Generator) -> Losses:
        """Step D once on x and R(x~), then R twice on the same x~."""
        noise = torch.empty_like(images).normal_(0, self.settings.noise, generator=generator)
        noisy = (images + noise).clamp(-1, 1)
        with torch.no_grad():
            refined = self.run(self.refiner, noisy)
        real, fake = (self.run(self.discriminator, x) for x in (images, refined))
        loss_d = to_one(real) + to_zero(fake)
        self.update(discriminator=loss_d)
        target = images if self.settings.refine_to == "clean" else noisy
        for _ in range(R_STEPS):
            terms = self.refiner_losses(noisy, target)
            self.update(refiner=terms["loss_g"])
        return {"loss_d": loss_d, **terms}

    def refiner_losses(self, noisy: torch.Tensor, target: torch.Tensor) -> Losses:
        """R's part of L: -log D(R(x~)) + lambda L_R."""
        refined = self.run(self.refiner, noisy)
        adversarial = to_one(self.run(self.discriminator, refined))
        refinement = refinement_loss(refined, target, self.settings.refinement)
        loss = adversarial + self.settings.weight * refinement
        return {"loss_g": loss, "g_adv": adversarial, "g_refine": refinement}

    def image_scores(self, images: torch.Tensor) -> torch.Tensor:
        """1 - D(R(x)), in [0, 1]; or what ``score_by`` says, in [0, 2]."""
        refined = self.rebuilt(images)
        if self.settings.score_by == "refinement":
            return rebuilding_error(images, refined).mean((1, 2, 3))
        return torch.sigmoid(-self.run(self.discriminator, refined)).flatten()

    def rebuilt(self, images: torch.Tensor) -> torch.Tensor:
        """R(x)."""
        return self.run(self.refiner, images)


class Alocc(GanDetector):
    """See the module. The map is |x - R(x)|: the authors give none."""

    name = "alocc"
    title = "ALOCC"
    reference = "Sabokrou et al., CVPR 2018 (arXiv:1802.09088)"
    scores_by = "1 - D(R(x))"
    Settings = AloccSettings
    Networks = AloccNetworks
    departures = (
        "batch norm scores with fixed statistics, those of 32 batches of healthy images on their "
        "way to a score (calibration_batches): the authors' takes each batch's own, so that a "
        "score depends on its batch",
        "score 1 - D(R(x)) as in the paper; the authors' test code prints the logit of D(x)",
        "L_R is the paper's squared distance to the clean image (refinement, refine_to)",
        "new noise in every iteration, where the authors' code adds it once for all epochs; cut to "
        "[-1, 1]",
        "whole images; more layers from 128 pixels on",
        "training ends after max_iterations: the authors stop by eye",
    )
