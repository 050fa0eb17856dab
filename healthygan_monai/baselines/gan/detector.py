"""The detector that a GAN becomes: fit, score, map, save and load."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import torch

from data_prep.errors import UsageError, nearest
from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.gan.base import Gan
from healthygan_monai.baselines.gan.blocks import seeded
from healthygan_monai.baselines.gan.data import stored
from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.baselines.gan.trainer import GanTrainer
from healthygan_monai.baselines.images import Batches, Images, Shape
from healthygan_monai.errors import ModelError

OF_THE_DATA = ("image_size", "channels")  # settings that the images determine
WEIGHTS = "gan."  # prefix of the weights in a saved state


def rebuilding_error(images: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """Average |x - x'| over channels: (B, C, H, W) twice -> (B, 1, H, W), in [0, 2]."""
    return (images - rebuilt).abs().mean(1, keepdim=True)


class GanDetector(Detector):
    """A :class:`~healthygan_monai.baselines.base.Detector` from a :class:`Gan`.

    ``Ganomaly(image_size=64, max_iterations=2000)``: keywords are fields of the method's settings.

    Args:
        settings: the method's settings; defaults are the published ones.
        device: where to train and score.
        changes: fields to change in ``settings``.

    Raises:
        UsageError: an unknown keyword (the nearest is named), or an invalid setting.
    """

    has_map = True
    Settings: ClassVar[type[GanSettings]]
    Networks: ClassVar[type[Gan]]

    def __init__(
        self,
        settings: GanSettings | None = None,
        *,
        device: torch.device | str = "cpu",
        **changes: Any,
    ) -> None:
        super().__init__(device=device)
        self.settings = self.make_settings(settings, **changes)
        self.gan: Gan | None = None
        self.iterations = 0

    @classmethod
    def make_settings(cls, settings: GanSettings | None = None, **changes: Any) -> GanSettings:
        """Return the method's settings with changes; lists, as JSON has them, become tuples."""
        known = [field.name for field in dataclasses.fields(cls.Settings)]
        for name in changes:
            if name not in known:
                raise UsageError(f"{cls.name} has no setting {name!r}{nearest(name, known)}")
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        return dataclasses.replace(settings or cls.Settings(), **changes)

    @classmethod
    def build(cls, settings: GanSettings, seed: int) -> Gan:
        """Return new networks; their weights are a function of the seed."""
        with seeded(seed):
            return cls.Networks(settings)

    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Train on ``healthy`` without a run folder; ``mixed`` is ignored.

        Images are read at random from a temporary file, to save memory. Raises ValueError for no
        images, or images that are not square or not of a size for the networks.
        """
        with stored(healthy) as images:
            self.training(lambda: images, seed=seed).fit()

    def training(self, images: Callable[[], Images], *, seed: int = 0, **run: Any) -> GanTrainer:
        """Return the trainer of new networks, with which this detector scores afterwards."""
        opened = images()
        channels, height, width = opened[0].shape
        settings = self.settings.resolved(len(opened), (channels, height, width))
        gan = self.build(settings, seed).train_on(self.device)
        run |= {"seed": seed, "device": self.device, "done": self.take}
        return GanTrainer(gan, settings, opened, **run)

    def take(self, settings: GanSettings, gan: Gan, iterations: int) -> None:
        """Score with these networks from now on."""
        self.settings, self.gan, self.iterations = settings, gan.eval(), iterations
        self.image_shape = settings.shape

    @classmethod
    def known_options(cls) -> list[str]:
        names = [field.name for field in dataclasses.fields(cls.Settings)]
        return [name for name in names if name not in OF_THE_DATA]

    def options(self, images: int, shape: Shape) -> dict[str, Any]:
        settings = dataclasses.asdict(self.settings.resolved(images, shape))
        return {name: settings[name] for name in self.known_options()}

    @torch.no_grad()
    def score(self, images: torch.Tensor) -> torch.Tensor:
        gan = self._fitted()
        scores = [gan.image_scores(part) for part in self._parts(images)]
        return torch.cat(scores).to(images.device)

    @torch.no_grad()
    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        """:func:`rebuilding_error` of each image, (B, 1, H, W)."""
        gan = self._fitted()
        maps = [rebuilding_error(part, gan.rebuilt(part)) for part in self._parts(images)]
        return torch.cat(maps).to(images.device)

    def _fitted(self) -> Gan:
        self._fitted_shape()
        assert self.gan is not None
        return self.gan.eval()

    def _parts(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        for part in self._checked(images).split(self.settings.batch_size):
            yield part.to(self.device)

    def state(self) -> dict[str, Any]:
        """Settings, iterations done, and the scoring networks' weights under flat names."""
        weights = self._fitted().scoring.state_dict()
        return {
            "settings": dataclasses.asdict(self.settings),
            "iterations": self.iterations,
            **{WEIGHTS + name: value.detach().cpu() for name, value in weights.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore a state; raise ModelError if the weights do not fit their settings."""
        settings = self.make_settings(**state["settings"])
        gan = self.build(settings, seed=0)
        weights = {k[len(WEIGHTS) :]: v for k, v in state.items() if k.startswith(WEIGHTS)}
        try:
            gan.scoring.load_state_dict(weights)
        except RuntimeError as error:
            first = str(error).splitlines()[1].strip()[:200]
            text = f"{self.name}: the weights do not fit their settings: {first}"
            raise ModelError(text) from error
        self.take(settings, gan.to(self.device), int(state["iterations"]))

    def facts(self) -> dict[str, Any]:
        """Return settings, iterations, number of weights that a score needs, and departures."""
        facts: dict[str, Any] = {
            "settings": dataclasses.asdict(self.settings),
            "iterations": self.iterations,
            "departures": list(self.departures),
        }
        if self.gan is not None:
            facts["parameters"] = sum(p.numel() for p in self.gan.scoring.parameters())
        return facts
