"""One training iteration of HealthyGAN (paper, Sec. 2.2) as a MONAI/Ignite trainer."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from monai.engines.utils import IterationEvents

from data_prep.errors import UsageError
from healthygan_monai.composition import Translated, translate
from healthygan_monai.losses import Critic, HealthyGANLoss
from healthygan_monai.rank_means import mean_over_ranks, means_over_ranks, ranks, unwrapped
from healthygan_monai.training.iterations import IterationTrainer
from healthygan_monai.training.watch import require_finite


class HealthyGANTrainer(IterationTrainer):
    """Critic update in every iteration, generator update in every ``n_critic``-th, on one batch.

    Each batch is a dictionary: ``mixed`` and ``healthy`` (B, C, H, W) in [-1, 1], and ``alpha`` (B,
    1, 1, 1) in [0, 1], the interpolation weights of the gradient penalty. They come with the batch
    so that the trainer draws nothing at random itself: a run is a function of its weights and its
    batches.

    It computes what the published loop computes, with less work: no graph through the generator
    where only the critic learns; both sets in one generator pass, and real and fake in one critic
    pass (nothing in either network mixes images of a batch); the generator pass of a generator
    iteration serves both updates, its weights being the same; no gradients of the critic's weights
    in the generator's update.

    ``engine.state.output`` holds the named losses as floats-to-be (detached scalars): those of
    :class:`~healthygan_monai.losses.HealthyGANLoss`, ``mask_mean``, ``mask_std``, ``loss`` (=
    ``loss_g``), over the batch of all ranks where there are several. In iterations without a
    generator update the generator's terms are those of its last update; before the first update
    they are absent.

    A loss or a gradient that is not finite ends the training in its iteration with ``Diverged``.

    Args:
        device, max_iterations, epoch_length, train_data_loader, max_epochs, train_handlers: see
            :class:`~healthygan_monai.training.iterations.IterationTrainer`; ``max_iterations``
            counts critic updates, as the authors do (400,000 there).
        generator, critic: the networks; either may be wrapped in DistributedDataParallel.
        generator_optimizer, critic_optimizer: Adam(1e-4, (0.5, 0.999)) in the paper's runs.
        loss: the objectives and their weights.
        n_critic: critic updates for one generator update (2 in the paper).
        amp: run the networks under autocast in bfloat16 (float32 weights, no loss scaling needed;
            the gradient penalty stays in float32).
    """

    def __init__(
        self,
        device: torch.device | str,
        max_iterations: int,
        epoch_length: int,
        train_data_loader: Iterable,
        generator: torch.nn.Module,
        critic: torch.nn.Module,
        generator_optimizer: torch.optim.Optimizer,
        critic_optimizer: torch.optim.Optimizer,
        loss: HealthyGANLoss | None = None,
        n_critic: int = 2,
        max_epochs: int | None = None,
        amp: bool = False,
        train_handlers: Sequence | None = None,
    ) -> None:
        if n_critic < 1:
            raise UsageError(f"n_critic is {n_critic}; expected at least 1.")
        super().__init__(
            device, max_iterations, epoch_length, train_data_loader, max_epochs, amp, train_handlers
        )
        self.generator = generator
        self.critic = critic
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        self.loss = loss or HealthyGANLoss()
        self.n_critic = n_critic
        self._generator_terms: dict[str, torch.Tensor] = {}  # of the generator's last update

    def state_dict(self) -> OrderedDict:
        """Return the engine's counters and the last terms of the generator's loss."""
        terms = {name: float(value) for name, value in self._generator_terms.items()}
        return OrderedDict(super().state_dict(), generator_terms=terms)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned; the terms may be missing."""
        super().load_state_dict(state_dict)
        terms = state_dict.get("generator_terms", {})  # an earlier version did not save them
        device = self.state.device
        self._generator_terms = {n: torch.tensor(v, device=device) for n, v in terms.items()}

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        mixed, healthy, alpha = (
            torch.as_tensor(batchdata[key]).to(engine.state.device, non_blocking=self.non_blocking)
            for key in ("mixed", "healthy", "alpha")
        )
        train_generator = engine.state.iteration % self.n_critic == 0
        self.generator.train()
        self.critic.train()

        if train_generator:
            both = self._translate(torch.cat([mixed, healthy]))
            of_mixed, of_healthy = halves(both)
        else:
            with torch.no_grad():
                of_mixed = self._translate(mixed)
        terms = self._update_critic(healthy, of_mixed.healthy.detach(), alpha)
        if train_generator:
            # ranks need not share gradients of the critic that nobody wants here
            critic = unwrapped(self.critic)
            self._generator_terms = self._update_generator(critic, of_mixed, of_healthy)
        self._require_finite(terms, batchdata)

        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output = {**terms, **self._generator_terms, **mask_moments(of_mixed.mask.detach().float())}
        output["loss"] = output.get("loss_g", output["loss_d"])
        return output

    def _require_finite(
        self, of_critic: dict[str, torch.Tensor], batchdata: dict[str, torch.Tensor]
    ) -> None:
        """End the training at the first loss or gradient that is not finite."""
        terms = {**of_critic, **self._generator_terms}
        losses = {name: value for name, value in terms.items() if name in ("loss_d", "loss_g")}
        networks = {"critic": self.critic, "generator": self.generator}
        require_finite(losses, networks, self.state.iteration, batchdata, self.data_loader)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.state.device.type, dtype=torch.bfloat16, enabled=self.amp)

    def _translate(self, images: torch.Tensor) -> Translated:
        with self._autocast():
            output = self.generator(images).to(images.dtype)
        return translate(images, output)

    def _update_critic(
        self, healthy: torch.Tensor, translated: torch.Tensor, alpha: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Eq. 8 and one step of the critic."""
        self.critic_optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            terms = self.loss.discriminator_objective(self.critic, healthy, translated, alpha)
        terms["loss_d"].backward()
        self.critic_optimizer.step()
        return means_over_ranks({name: value.detach() for name, value in terms.items()})

    def _update_generator(
        self, critic: Critic, mixed: Translated, healthy: Translated
    ) -> dict[str, torch.Tensor]:
        """Eq. 9 and one step of the generator; ``critic``, images -> realness, only passes
        gradients on.
        """
        self.generator_optimizer.zero_grad(set_to_none=True)
        unwrapped(self.critic).requires_grad_(False)
        try:
            with self._autocast():
                loss = self.loss.at(self.state.iteration)
                terms = loss.generator_objective(critic, mixed, healthy)
            terms["loss_g"].backward()
        finally:
            unwrapped(self.critic).requires_grad_(True)
        self.generator_optimizer.step()
        return means_over_ranks({name: value.detach() for name, value in terms.items()})


def mask_moments(mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return ``mask_mean`` and ``mask_std`` (unbiased) over all pixels of all ranks."""
    mean = mean_over_ranks(mask.mean())
    pixels = mask.numel() * ranks()
    variance = mean_over_ranks((mask - mean).square().mean()) * pixels / max(1, pixels - 1)
    return {"mask_mean": mean, "mask_std": variance.sqrt()}


def halves(both: Translated) -> tuple[Translated, Translated]:
    """Take mixed and healthy images apart again."""
    parts = [t.chunk(2) for t in (both.image, both.intermediate, both.mask)]
    return type(both)(*(p[0] for p in parts)), type(both)(*(p[1] for p in parts))
