"""Eq. 3-9 of the paper, one function each, in the paper's order; lambdas carry the paper's names.

Where the paper leaves something open or the authors' code departs from it, the code is followed,
because only the code is known to have produced the published figures; each departure is marked here
and explained in ``docs/paper_vs_code.md``. D is averaged over its patch map and over the batch
throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from data_prep.errors import UsageError
from healthygan_monai.composition import Added, Translated, compose_reconstruction
from healthygan_monai.rank_means import mean_over_ranks

FOCUS_EPS = 0.01  # authors' solver.py (and Council-GAN before it); the paper leaves it open
FOCUS_REDUCTIONS = ("batch", "image")  # what the mean of a mask is taken over

Critic = Callable[[torch.Tensor], torch.Tensor]  # images to a map of patches


def critic_loss(critic_healthy: torch.Tensor, critic_translated: torch.Tensor) -> torch.Tensor:
    """Eq. 3 without the penalty: mean D(B'(A)) - mean D(B); fakes are of the mixed set only."""
    return critic_translated.mean() - critic_healthy.mean()


def hinge_critic_loss(
    critic_healthy: torch.Tensor, critic_translated: torch.Tensor
) -> torch.Tensor:
    """mean max(0, 1 - D(B)) + mean max(0, 1 + D(B'(A))); scalar.

    Source: Lim and Ye 2017, Eq. 8; the critic's loss of Sauer et al., NeurIPS 2021, Sec. 4.

    >>> hinge_critic_loss(torch.tensor([2.0]), torch.tensor([-0.5])).item()
    0.5
    """
    real, fake = torch.relu(1 - critic_healthy), torch.relu(1 + critic_translated)
    return real.mean() + fake.mean()


def change_loss(translated: Translated) -> torch.Tensor:
    """mean |B' - x|, what the additive translation pays for; scalar, in grey levels of [-1, 1].

    Source: Baumgartner et al., CVPR 2018 (VA-GAN), Eq. 4, there called the map's L1 norm.
    """
    return (translated.healthy - translated.image).abs().mean()


def gradient_penalty(
    critic: Critic, healthy: torch.Tensor, translated: torch.Tensor, alpha: torch.Tensor
) -> torch.Tensor:
    """Penalty of Eq. 3: mean over images of (|| d(sum of patches of D(x)) / dx ||_2 - 1)^2; scalar.

    x = alpha * healthy + (1 - alpha) * translated, alpha (B, 1, 1, 1) uniform in [0, 1]. The
    gradient is that of the *sum* of the patch outputs, as in the authors' code, while Eq. 3 itself
    uses their mean.
    """
    x = (alpha * healthy + (1 - alpha) * translated).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    norm = torch.linalg.vector_norm(gradient.flatten(1), dim=1)  # (B,)
    return (norm - 1).square().mean()


def generator_adversarial_loss(critic_translated: torch.Tensor) -> torch.Tensor:
    """Eq. 4, for one of its two sets: -mean D(B'(x)); scalar."""
    return -critic_translated.mean()


def identity_loss(healthy: torch.Tensor, intermediate: torch.Tensor) -> torch.Tensor:
    """Eq. 5: mean |B - B_int(B)|, on the intermediate image, not on the masked one; scalar."""
    return (healthy - intermediate).abs().mean()


def reconstruction_loss(mixed: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """Eq. 6: mean |A - A'|; scalar."""
    return (mixed - reconstruction).abs().mean()


def focus_size(mask: torch.Tensor, reduction: str = "batch") -> torch.Tensor:
    """First part of Eq. 7: (mean M)^2; mask (B, 1, H, W) in [0, 1].

    ``batch`` squares the mean over the whole batch, that of all ranks (authors' code), ``image``
    averages the squares of the images' means (Eq. 7 as printed).
    """
    if reduction == "batch":
        return mean_over_ranks(mask.mean()).square()
    return mask.flatten(1).mean(1).square().mean()


def focus_zero_one(mask: torch.Tensor, eps: float = FOCUS_EPS) -> torch.Tensor:
    """Second part of Eq. 7: mean 1 / (|M - 0.5| + eps) - 1 / (0.5 + eps).

    The constant, from the authors' code, makes a mask of zeros and ones cost nothing; it has no
    gradient.
    """
    return (1 / ((mask - 0.5).abs() + eps)).mean() - 1 / (0.5 + eps)


def focus_loss(
    mask: torch.Tensor,
    lambda_fs: float = 1.0,
    lambda_fz: float = 1.0,
    eps: float = FOCUS_EPS,
    reduction: str = "batch",
) -> torch.Tensor:
    """Eq. 7 for one set of masks: lambda_fs * size + lambda_fz * zero-one; scalar."""
    return lambda_fs * focus_size(mask, reduction) + lambda_fz * focus_zero_one(mask, eps)


@dataclass(frozen=True)
class HealthyGANLoss:
    """The two objectives, Eq. 8 and Eq. 9, with the paper's weights as defaults.

    The last two fields are the method's documented options (``docs/paper_vs_code.md``, "Options");
    at their defaults the losses are the authors'.

    Args:
        lambda_gp, lambda_id, lambda_rec, lambda_f, lambda_fs, lambda_fz: the paper's weights.
        focus_eps: the constant in the denominator of Eq. 7.
        focus_reduction: ``batch`` (authors' code) or ``image`` (Eq. 7 as printed).
        lambda_adv_healthy: weight of the second set of Eq. 4, translated healthy images.
        reconstruction_moves_mask: False keeps the gradient of Eq. 6 away from the mask, so that a
            mask cannot lower the reconstruction loss just by opening.
        price: of a change. An additive translation pays ``price * (mean |m(A)| + price_healthy *
            mean |m(B)|)`` in place of Eq. 5 to 7; of a masked one it multiplies the weights of
            Eq. 5 to 7. None: changes are free (Brainomaly).
        price_healthy: how many times dearer a change of known-healthy images is; they need none.
        price_warmup: iterations over which the price rises in a line from 0; see :meth:`at`.
    """

    lambda_gp: float = 10.0
    lambda_id: float = 1.0
    lambda_rec: float = 1.0
    lambda_f: float = 0.1
    lambda_fs: float = 1.0
    lambda_fz: float = 1.0
    focus_eps: float = FOCUS_EPS
    focus_reduction: str = "batch"
    lambda_adv_healthy: float = 1.0
    reconstruction_moves_mask: bool = True
    price: float | None = 1.0
    price_healthy: float = 1.0
    price_warmup: int = 0

    def __post_init__(self) -> None:
        if self.focus_reduction not in FOCUS_REDUCTIONS:
            raise UsageError(
                f"focus_reduction is {self.focus_reduction!r}; expected one of {FOCUS_REDUCTIONS}."
            )
        for name in [n for n in vars(self) if n.startswith("lambda_") or n == "price_healthy"]:
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and 0 <= value < math.inf):
                raise UsageError(f"{name} is {value!r}; expected a number, 0 or more.")
        number = isinstance(self.price, (int, float)) and not isinstance(self.price, bool)
        if self.price is not None and not (number and 0 < self.price < math.inf):
            raise UsageError(
                f"price is {self.price!r}; expected a number above 0, or auto to have it chosen."
            )
        if not isinstance(self.price_warmup, int) or self.price_warmup < 0:
            raise UsageError(
                f"price_warmup is {self.price_warmup!r}; expected iterations, 0 or more."
            )
        if not self.focus_eps > 0:
            raise UsageError(f"focus_eps is {self.focus_eps}; it divides, so it must be positive.")

    def at(self, iteration: int) -> HealthyGANLoss:
        """Return the losses of an iteration i, counted from 1: price * min(1, i / price_warmup).

        A dear price from the start keeps the translation shut until the critic has learned much. A
        rising one lets it open first.

        >>> HealthyGANLoss(price=3.0, price_warmup=150).at(50).price
        1.0
        """
        if self.price is None or iteration >= self.price_warmup:
            return self
        return replace(self, price=self.price * iteration / self.price_warmup)

    def discriminator_objective(
        self,
        critic: Critic,
        healthy: torch.Tensor,
        translated: torch.Tensor,
        alpha: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Eq. 8: Eq. 3 with its penalty. Named scalars: ``loss_d`` (the total), ``d_real``,
        ``d_fake``, ``gp``.

        ``translated`` is B'(A), detached; ``d_real`` = mean D(B), ``d_fake`` = mean D(B'(A)),
        ``gp`` unweighted.
        """
        # one pass for both: the critic has no normalisation, so images do not see each other
        real, fake = critic(torch.cat([healthy, translated])).to(healthy.dtype).chunk(2)
        with torch.autocast(healthy.device.type, enabled=False):
            gp = gradient_penalty(critic, healthy, translated, alpha)
        loss = critic_loss(real, fake) + self.lambda_gp * gp
        return {"loss_d": loss, "d_real": real.mean(), "d_fake": fake.mean(), "gp": gp}

    def generator_objective(
        self, critic: Critic, mixed: Translated, healthy: Translated
    ) -> dict[str, torch.Tensor]:
        """Eq. 9. Named scalars: ``loss_g`` (the total) and its unweighted parts.

        ``g_adv`` and ``g_adv_healthy`` (Eq. 4); of a masked translation ``g_id`` (Eq. 5), ``g_rec``
        (Eq. 6), ``g_focus`` (Eq. 7, half for each set, as the authors do); of an additive one
        ``g_change`` and ``g_change_healthy``, :func:`change_loss` of the two sets.
        """
        adversarial, adversarial_healthy = self._adversarial(critic, mixed, healthy)
        loss = adversarial + self.lambda_adv_healthy * adversarial_healthy
        terms = {"g_adv": adversarial, "g_adv_healthy": adversarial_healthy}
        price = 0.0 if self.price is None else self.price
        if isinstance(mixed, Added):
            terms |= {"g_change": change_loss(mixed), "g_change_healthy": change_loss(healthy)}
            paid = terms["g_change"] + self.price_healthy * terms["g_change_healthy"]
            loss = loss + price * paid
            return {"loss_g": loss, **terms}
        identity = identity_loss(healthy.image, healthy.intermediate)
        mask = mixed.mask if self.reconstruction_moves_mask else mixed.mask.detach()
        reconstruction = reconstruction_loss(
            mixed.image, compose_reconstruction(mixed.image, mixed.intermediate, mask)
        )
        focus = 0.5 * (self._focus(mixed.mask) + self._focus(healthy.mask))
        loss = (
            loss
            + price * self.lambda_id * identity
            + price * self.lambda_rec * reconstruction
            + price * self.lambda_f * focus
        )
        return {
            "loss_g": loss,
            **terms,
            "g_id": identity,
            "g_rec": reconstruction,
            "g_focus": focus,
        }

    def _adversarial(
        self, critic: Critic, mixed: Translated, healthy: Translated
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Eq. 4 for both sets in one pass of the critic; 0 for a set without a weight."""
        if self.lambda_adv_healthy == 0:
            fake = critic(mixed.healthy).to(mixed.image.dtype)
            return generator_adversarial_loss(fake), fake.new_zeros(())
        fakes = critic(torch.cat([mixed.healthy, healthy.healthy])).to(mixed.image.dtype)
        of_mixed, of_healthy = fakes.chunk(2)
        return generator_adversarial_loss(of_mixed), generator_adversarial_loss(of_healthy)

    def _focus(self, mask: torch.Tensor) -> torch.Tensor:
        return focus_loss(
            mask,
            self.lambda_fs,
            self.lambda_fz,
            self.focus_eps,
            self.focus_reduction,
        )
