"""Settings that every competing GAN has."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from data_prep.errors import DataError, UsageError
from healthygan_monai.baselines.images import Shape

SettingsT = TypeVar("SettingsT", bound="GanSettings")


@dataclass(frozen=True, kw_only=True)
class GanSettings:
    """Settings of every method; their own are in their files. Defaults are the published ones.

    Args:
        image_size, channels: of the images, square; None for those of the images given to ``fit``.
        epochs: passes over the healthy set if ``max_iterations`` is None; published in this form.
        max_iterations: batches to train on; None for epochs x (images // batch_size), at least 1.
        batch_size: images in a batch.
        flip_prob: probability of a left-right flip.
        validation_share: share of the healthy images whose mean score ends the training.
        patience: passes without a lower mean score of those images until training ends and the
            weights of the lowest are used; needs ``validation_share``.
        calibration_batches: batches of healthy images that give batch norm its statistics after
            training; 0 keeps the running ones.
        amp: networks under autocast in bfloat16; losses and gradient penalties stay in float32.
    """

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # setting -> what it can be
    image_size: int | None = None
    channels: int | None = None
    epochs: int = 1
    max_iterations: int | None = None
    batch_size: int = 64
    flip_prob: float = 0.0
    validation_share: float = 0.0
    patience: int = 0
    calibration_batches: int = 0
    amp: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError with every invalid setting."""
        if problems := [*self._problems()]:
            raise UsageError("; ".join(problems))

    def _problems(self) -> Iterable[str]:
        for name in ("epochs", "max_iterations", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield f"{name} is {value}; expected at least 1"
        for name in ("flip_prob", "validation_share"):
            if not 0 <= getattr(self, name) <= 1:
                yield f"{name} is {getattr(self, name)}; expected 0 to 1"
        if self.channels not in (None, 1, 3):
            yield f"channels is {self.channels}; expected 1 (grey) or 3"
        for name, known in self.CHOICES.items():
            if getattr(self, name) not in known:
                yield f"{name} is {getattr(self, name)!r}; expected one of {known}"

    @property
    def shape(self) -> Shape:
        """(C, H, W) of the images; of resolved settings only."""
        assert self.channels is not None and self.image_size is not None
        return self.channels, self.image_size, self.image_size

    def resolved(self: SettingsT, images: int, shape: Shape) -> SettingsT:
        """Return these settings, without None, for ``images`` training images of ``shape``.

        Raises:
            DataError: the images are not square, or not as set.
        """
        channels, height, width = shape
        wrong = height != width or self.image_size not in (None, height)
        if wrong or self.channels not in (None, channels):
            raise DataError(
                f"images are (C, H, W) = {shape}; expected {self.channels or '1 or 3'} channels "
                f"and squares of {self.image_size or 'any'} pixels. Prepare them so, or change "
                "image_size and channels."
            )
        steps = self.max_iterations or max(1, self.epochs * (images // self.batch_size))
        found: Any = {"image_size": height, "channels": channels, "max_iterations": steps}
        return dataclasses.replace(self, **found)
