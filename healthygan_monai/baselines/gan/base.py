"""What the competing GANs share: networks with their optimisers, one step, and the score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.errors import Diverged

Losses = dict[str, torch.Tensor]  # scalars by name


class Gan(nn.Module, ABC):
    """Networks of a method, their optimisers, one training step, and the score.

    ``scoring_networks`` names the networks that a score needs; only these are saved.
    """

    scoring_networks: ClassVar[tuple[str, ...]]
    settings: Any  # the method's own kind of GanSettings

    def __init__(self, settings: GanSettings) -> None:
        super().__init__()
        self.settings, self.amp = settings, settings.amp
        self.optimizers: dict[str, torch.optim.Optimizer] = {}

    @abstractmethod
    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return name -> optimiser of the weights, which are on their device by now."""

    def adam(
        self, names: Iterable[str], rate: float, betas: tuple[float, float]
    ) -> dict[str, torch.optim.Optimizer]:
        return {
            name: torch.optim.Adam(getattr(self, name).parameters(), rate, betas) for name in names
        }

    @abstractmethod
    def step(self, images: torch.Tensor, iteration: int, generator: torch.Generator) -> Losses:
        """Run one iteration (from 0) on healthy images (B, C, H, W); return the losses by name.

        Every random draw is from ``generator``: a run is a function of weights and batches.
        """

    @abstractmethod
    def image_scores(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B,), in the mode the networks are in."""

    @abstractmethod
    def rebuilt(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images as the networks rebuild them, (B, C, H, W)."""

    def train_on(self, device: torch.device | str) -> Gan:
        """Move to a device and make the optimisers; call once, before any step."""
        self.to(device)
        self.optimizers = self.make_optimizers()
        return self

    def noise(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Draw z ~ N(0, I), (B, latent), for a batch of images."""
        shape = (len(images), self.settings.latent)
        return torch.randn(shape, generator=generator, device=images.device)

    @property
    def scoring(self) -> nn.ModuleDict:
        """Return the networks that a score needs, as one module of flat names."""
        return nn.ModuleDict({name: getattr(self, name) for name in self.scoring_networks})

    def run(self, network: nn.Module, *inputs: torch.Tensor) -> Any:
        """Return the network's output in float32; under autocast while training with amp."""
        amp = self.amp and self.training
        with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16, enabled=amp):
            output = network(*inputs)
        return tuple(o.float() for o in output) if isinstance(output, tuple) else output.float()

    def update(self, **losses: torch.Tensor) -> None:
        """Step each named optimiser down its own loss, with gradients from before the first step.

        A gradient is of its optimiser's weights alone: no loss can move another network.
        """
        gradients = {}
        for left, (name, loss) in zip(range(len(losses) - 1, -1, -1), losses.items(), strict=True):
            gradients[name] = torch.autograd.grad(loss, self._weights(name), retain_graph=left > 0)
        self._require_finite(gradients)
        for name, found in gradients.items():
            for weight, gradient in zip(self._weights(name), found, strict=True):
                weight.grad = gradient
            self.optimizers[name].step()
            self.optimizers[name].zero_grad(set_to_none=True)

    def _require_finite(self, gradients: Mapping[str, Sequence[torch.Tensor]]) -> None:
        """Refuse a step that would leave no finite weights.

        Raises:
            Diverged: names the optimiser.
        """
        for name, found in gradients.items():
            if not torch.isfinite(torch.stack([gradient.abs().max() for gradient in found]).max()):
                raise Diverged(
                    f"a gradient of the {name} is not finite.",
                    "Begin a new run with another seed, or lower its learning rate.",
                )

    def _weights(self, name: str) -> list[torch.Tensor]:
        return [w for group in self.optimizers[name].param_groups for w in group["params"]]

    @torch.no_grad()
    def calibrate(self, batches: Iterable[torch.Tensor]) -> None:
        """Replace batch norm's statistics by their averages over these batches being scored."""
        self.eval()
        kind = nn.modules.batchnorm._BatchNorm
        norms = [m for m in self.scoring.modules() if isinstance(m, kind)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the average of all batches
            norm.train()
        for images in batches:
            self.image_scores(images)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.eval()
