"""One training iteration with a frozen pretrained critic, for either translation."""

from __future__ import annotations

from typing import Any

import torch
from monai.engines.utils import IterationEvents

from healthygan_monai.composition import Translated
from healthygan_monai.errors import Diverged
from healthygan_monai.losses import hinge_critic_loss
from healthygan_monai.pretrained.augmentation import adapted, view
from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.rank_means import mean_over_ranks, means_over_ranks, unwrapped
from healthygan_monai.trainer import HealthyGANTrainer, halves, mask_moments


class PretrainedCriticTrainer(HealthyGANTrainer):
    """Each iteration: one step of the critic's heads by the hinge loss, one step of the generator.

    Batches are as for :class:`~healthygan_monai.trainer.HealthyGANTrainer`, with ``views``
    (B, 4, 6) in place of ``alpha``: the numbers that augment a mixed and a healthy image, and then
    what the critic sees of the translated and of the real one. The maps of a batch's translated
    images are computed once, with a graph to the generator; the real ones have none.

    ``engine.state.output`` holds the parts of the objectives as there, ``d_real`` and ``d_fake``,
    and ``strength``, that of the critic's augmentation.
    """

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        mixed, healthy, views = (
            torch.as_tensor(batchdata[key]).to(engine.state.device, non_blocking=self.non_blocking)
            for key in ("mixed", "healthy", "views")
        )
        self.generator.train()
        self.critic.train()
        critic = unwrapped(self.critic)
        assert isinstance(critic, PretrainedCritic)

        mixed, healthy = view(mixed, views[:, 0], 1.0), view(healthy, views[:, 1], 1.0)
        of_mixed, of_healthy = halves(self._translate(torch.cat([mixed, healthy])))
        with self._autocast():
            with torch.no_grad():
                real = critic.features(view(healthy, views[:, 3], critic.strength))
            fake = self._maps_of(critic, of_mixed, of_healthy, views)
        terms = self._update_heads(critic, real, fake, len(mixed))
        # the maps of the translated images are known; the loss asks for their realness alone
        self._generator_terms = self._update_generator(lambda _: critic(fake), of_mixed, of_healthy)
        try:
            self._require_finite(terms, batchdata)
        except Diverged as error:
            if _all_finite([healthy]) and not _all_finite(real):
                raise Diverged(
                    f"{error.what} The maps of the critic's network ({critic.source}) are not "
                    "finite for images that are.",
                    "Give another network (--set critic_backbone=NAME or FILE).",
                ) from error
            raise
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output = {**terms, **self._generator_terms, **mask_moments(of_mixed.mask.detach().float())}
        return {**output, "loss": output["loss_g"]}

    def _maps_of(
        self, critic: PretrainedCritic, mixed: Translated, healthy: Translated, views: torch.Tensor
    ) -> list[torch.Tensor]:
        """Maps of the translated images that the generator's objective asks the critic about."""
        images = mixed.healthy
        if self.loss.lambda_adv_healthy > 0:
            images, views = torch.cat([images, healthy.healthy]), torch.cat([views, views])
        return critic.features(view(images, views[:, 2], critic.strength))

    def _update_heads(
        self,
        critic: PretrainedCritic,
        real: list[torch.Tensor],
        fake: list[torch.Tensor],
        images: int,
    ) -> dict[str, torch.Tensor]:
        self.critic_optimizer.zero_grad(set_to_none=True)
        both = [torch.cat([r, f[:images].detach()]) for r, f in zip(real, fake, strict=True)]
        with self._autocast():
            of_real, of_fake = self.critic(both).float().chunk(2)
            loss = hinge_critic_loss(of_real, of_fake)
        loss.backward()
        self.critic_optimizer.step()
        found = {"loss_d": loss, "d_real": of_real.mean(), "d_fake": of_fake.mean()}
        if critic.adapt:
            sign = mean_over_ranks(torch.sign(of_real.detach().mean(1)).mean())
            critic.strength.copy_(adapted(critic.strength, sign))
        terms = means_over_ranks({name: value.detach() for name, value in found.items()})
        return {**terms, "strength": critic.strength.clone()}


def _all_finite(tensors: list[torch.Tensor]) -> bool:
    return all(bool(torch.isfinite(each).all()) for each in tensors)
