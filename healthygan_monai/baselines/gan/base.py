"""What the four competing GANs share: networks with their optimisers and one step, and the contract."""

from __future__ import annotations

import dataclasses
import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from healthygan_monai.baselines.base import Batches, Detector, NotFitted, check_images
from healthygan_monai.baselines.gan.blocks import seeded
from healthygan_monai.baselines.gan.settings import GanSettings

WEIGHTS = "gan."  # prefix of the weights in a saved state


def rebuilding_error(images: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """|x - x'| averaged over channels: (B, C, H, W) twice -> (B, 1, H, W), in [0, 2]."""
    return (images - rebuilt).abs().mean(1, keepdim=True)


class Gan(nn.Module, ABC):
    """Networks of a method, their optimisers, one training step, and the score.

    Attributes:
        scoring_networks: names of the networks that a score needs; only they are saved with a detector.
    """

    scoring_networks: ClassVar[tuple[str, ...]]

    def __init__(self, settings: GanSettings) -> None:
        super().__init__()
        self.amp = settings.amp
        self.optimizers: dict[str, torch.optim.Optimizer] = {}

    @abstractmethod
    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Name -> optimiser of the weights, which are on their device by now."""

    @abstractmethod
    def step(
        self, images: torch.Tensor, iteration: int, generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """One iteration (counted from 0) on healthy images (B, C, H, W); the losses by name.

        Every random draw is from ``generator``, so that a run is a function of weights and batches.
        """

    @abstractmethod
    def image_scores(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B,), in the mode the networks are in."""

    @abstractmethod
    def rebuilt(self, images: torch.Tensor) -> torch.Tensor:
        """The images as the networks rebuild them, (B, C, H, W)."""

    def train_on(self, device: torch.device | str) -> Gan:
        """Move to a device and make the optimisers; to be called once, before any step."""
        self.to(device)
        self.optimizers = self.make_optimizers()
        return self

    @property
    def scoring(self) -> nn.ModuleDict:
        """The networks that a score needs, as one module of flat names."""
        return nn.ModuleDict({name: getattr(self, name) for name in self.scoring_networks})

    def run(self, network: nn.Module, *inputs: torch.Tensor) -> Any:
        """The network's output in float32; under autocast while training, where amp is set."""
        amp = self.amp and self.training
        with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16, enabled=amp):
            output = network(*inputs)
        return tuple(o.float() for o in output) if isinstance(output, tuple) else output.float()

    def update(self, **losses: torch.Tensor) -> None:
        """One step of each named optimiser down its own loss.

        All gradients are taken before the first step, each of its own optimiser's weights alone: no loss can
        move a network that is not its own.
        """
        gradients = {}
        for left, (name, loss) in zip(range(len(losses) - 1, -1, -1), losses.items(), strict=True):
            gradients[name] = torch.autograd.grad(loss, self._weights(name), retain_graph=left > 0)
        for name, found in gradients.items():
            for weight, gradient in zip(self._weights(name), found, strict=True):
                weight.grad = gradient
            self.optimizers[name].step()
            self.optimizers[name].zero_grad(set_to_none=True)

    def _weights(self, name: str) -> list[torch.Tensor]:
        return [w for group in self.optimizers[name].param_groups for w in group["params"]]

    @torch.no_grad()
    def calibrate(self, batches: Iterable[torch.Tensor]) -> None:
        """Means and variances of batch norm anew: their averages over batches of healthy images being scored."""
        self.eval()
        norms = [
            m for m in self.scoring.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
        ]
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


class GanDetector(Detector):
    """The contract of :class:`~healthygan_monai.baselines.base.Detector` on top of a :class:`Gan`.

    ``Ganomaly(image_size=64, max_iterations=2000)``: keywords are fields of the method's settings.

    Args:
        settings: the method's settings; defaults are the published ones.
        device: where to train and score.
        changes: fields to change in ``settings``.

    Raises:
        ValueError: a keyword that is no setting (the nearest is named), or a setting that cannot be meant.
    """

    has_map = True
    Settings: ClassVar[type[GanSettings]]
    Networks: ClassVar[type[Gan]]
    departures: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        settings: GanSettings | None = None,
        *,
        device: torch.device | str = "cpu",
        **changes: Any,
    ) -> None:
        self.settings = self.make_settings(settings, **changes)
        self.device = torch.device(device)
        self.gan: Gan | None = None
        self.iterations = 0

    @classmethod
    def make_settings(cls, settings: GanSettings | None = None, **changes: Any) -> GanSettings:
        """The method's settings with some changed; lists, as JSON has them, become tuples."""
        known = [field.name for field in dataclasses.fields(cls.Settings)]
        for name in changes:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
                raise ValueError(f"{cls.name} has no setting {name!r}; did you mean {near[0]!r}?")
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        return dataclasses.replace(settings or cls.Settings(), **changes)

    @classmethod
    def build(cls, settings: GanSettings, seed: int) -> Gan:
        """New networks; their weights are a function of the seed."""
        with seeded(seed):
            return cls.Networks(settings)

    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Train on ``healthy`` as a run in a folder would, without one; ``mixed`` is not looked at.

        The images are written to a temporary file and read from there at random, so that memory stays flat.

        Raises:
            ValueError: no images; not square; not of the sizes that the networks are made for.
        """
        from healthygan_monai.baselines.gan.data import stored
        from healthygan_monai.baselines.gan.trainer import GanTraining

        with stored(healthy) as images:
            settings = self.settings.resolved(len(images), images.shape)
            gan = self.build(settings, seed).train_on(self.device)
            training = GanTraining(gan, settings, images, seed=seed, device=self.device)
            training.trainer.run()
            training.finish()
        self.take(settings, gan, training.trainer.state.iteration)

    def take(self, settings: GanSettings, gan: Gan, iterations: int) -> None:
        """Score with these networks from now on; trained elsewhere, in a run folder, say."""
        self.settings, self.gan, self.iterations = settings, gan.eval(), iterations

    @torch.no_grad()
    def score(self, images: torch.Tensor) -> torch.Tensor:
        gan, parts = self._ready(images)
        return torch.cat([gan.image_scores(part.to(self.device)) for part in parts]).to(
            images.device
        )

    @torch.no_grad()
    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        """:func:`rebuilding_error` of each image, (B, 1, H, W)."""
        gan, parts = self._ready(images)
        maps = []
        for part in parts:
            part = part.to(self.device)
            maps.append(rebuilding_error(part, gan.rebuilt(part)))
        return torch.cat(maps).to(images.device)

    def _ready(self, images: torch.Tensor) -> tuple[Gan, tuple[torch.Tensor, ...]]:
        gan, side = self._fitted(), self.settings.image_size or 0
        images = check_images(images, (self.settings.channels or 0, side, side))
        return gan.eval(), images.split(self.settings.batch_size)

    def _fitted(self) -> Gan:
        if self.gan is None:
            raise NotFitted(f"{self.name} has not been fitted: call fit, or load what was saved.")
        return self.gan

    def state(self) -> dict[str, Any]:
        """Settings, iterations done, and the scoring networks' weights under flat names."""
        weights = self._fitted().scoring.state_dict()
        return {
            "settings": dataclasses.asdict(self.settings),
            "iterations": self.iterations,
            **{WEIGHTS + name: value.detach().cpu() for name, value in weights.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError where the weights do not fit the settings beside them."""
        self.settings = self.make_settings(**state["settings"])
        gan = self.build(self.settings, seed=0)
        weights = {k[len(WEIGHTS) :]: v for k, v in state.items() if k.startswith(WEIGHTS)}
        try:
            gan.scoring.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(
                f"{self.name}: the weights do not fit their settings: {str(error).splitlines()[1].strip()[:200]}"
            ) from error
        self.gan = gan.to(self.device).eval()
        self.iterations = int(state["iterations"])

    def facts(self) -> dict[str, Any]:
        """Settings, iterations, number of weights that a score needs, departures from the publication."""
        facts: dict[str, Any] = {
            "settings": dataclasses.asdict(self.settings),
            "iterations": self.iterations,
            "departures": list(self.departures),
        }
        if self.gan is not None:
            facts["parameters"] = sum(p.numel() for p in self.gan.scoring.parameters())
        return facts
