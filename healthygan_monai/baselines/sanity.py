"""Trivial baselines: two scores without anatomy, and a classifier of mixed against healthy.

A method has shown something only if it clearly beats these on the same images.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.frozen.base import FeatureDetector
from healthygan_monai.baselines.images import (
    Batches,
    Shape,
    check_images,
    checked_batches,
    shape_of,
)
from healthygan_monai.networks.backbones import Backbone


class _MeanImage(Detector):
    """Keep the mean healthy image, from float64 sums in one pass."""

    reference = "ours"
    mean: torch.Tensor  # (C, H, W)

    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Average ``healthy`` in one pass; ``seed`` and ``mixed`` are ignored."""
        total, count = torch.zeros((), dtype=torch.float64), 0
        for batch in checked_batches(healthy, "healthy"):
            total = total + batch.double().sum(0).cpu()
            count += len(batch)
        self._take((total / count).float())

    def _take(self, mean: torch.Tensor) -> None:
        self.mean, self.image_shape = mean.to(self.device), shape_of(mean[None])

    def _difference(self, images: torch.Tensor) -> torch.Tensor:
        images = self._checked(images)
        return images - self.mean.to(images.device)

    def state(self) -> dict[str, Any]:
        self._fitted_shape()
        return {"mean": self.mean}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._take(state["mean"])


class MeanIntensity(_MeanImage):
    """s(x) = |mean(x) - mu|, mu the mean of all healthy pixels.

    Two-sided: whether disease is brighter or darker would be knowledge of disease. On sets where it
    is one of them, a one-sided score is better still (see the probes of ``evaluate``).
    """

    name = "mean-intensity"
    title = "Mean intensity"
    scores_by = "distance of the image's mean to that of all healthy pixels"

    def score(self, images: torch.Tensor) -> torch.Tensor:
        images = self._checked(images)
        return (images.mean((1, 2, 3)) - self.mean.mean().to(images.device)).abs()


class DistanceToMean(_MeanImage):
    """s(x) = sqrt(mean of (x - mu)^2), mu the mean healthy image; the map is |x - mu|."""

    name = "distance-to-mean"
    title = "Distance to the mean"
    scores_by = "root mean square of x - mu, mu the mean healthy image"
    has_map = True

    def score(self, images: torch.Tensor) -> torch.Tensor:
        return self._difference(images).square().mean((1, 2, 3)).sqrt()

    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        return self._difference(images).abs().mean(1, keepdim=True)


class PuClassifier(FeatureDetector):
    """Logistic regression of mixed against healthy on frozen features; the score is its logit.

    Elkan and Noto, Learning classifiers from only positive and unlabeled data, KDD 2008: if the
    labelled (here: healthy) images are a random sample of their class, P(mixed | x) rises with
    P(diseased | x), so that it ranks as a classifier trained on true labels would. If healthy and
    mixed images come from different places, it ranks by place: this row shows that.

    Features are the mean and standard deviation over the image of each channel of the backbone's
    three maps, standardised over the training images. Classes weigh the same; ``strength`` is
    scikit-learn's C, for which no value is published.
    """

    name = "pu-classifier"
    title = "PU classifier"
    reference = "Elkan and Noto, KDD 2008"
    scores_by = "logit of a classifier of mixed against healthy images"
    needs_mixed = True
    FITTED = ("weight", "bias", "counts")

    def __init__(
        self,
        backbone: str | Backbone = "efficientnet_lite0",
        weights: Path | str | None = None,
        *,
        strength: float = 0.01,
        input_size: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(backbone, weights, input_size=input_size, device=device)
        self.strength = strength

    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Fit in one pass over each set; the fit is convex, so ``seed`` draws nothing.

        Raises:
            ValueError: no mixed set, a set without images, or images of several shapes.
        """
        from sklearn.linear_model import LogisticRegression

        if mixed is None:
            raise ValueError(f"{self.name} compares mixed and healthy images; fit needs both sets.")
        self.image_shape = None
        sets: list[np.ndarray] = []
        shape: Shape | None = None
        for name, source in (("healthy", healthy), ("mixed", mixed)):
            rows = []
            for batch in checked_batches(source, name):
                shape = shape or shape_of(batch)
                rows.append(self._features(check_images(batch, shape).to(self.device)))
            sets.append(torch.cat(rows).cpu().double().numpy())
        features = np.concatenate(sets)
        mean, scale = features.mean(0), features.std(0) + 1e-6
        model = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=5000)
        model.fit((features - mean) / scale, np.repeat([0, 1], [len(rows) for rows in sets]))
        weight = model.coef_[0] / scale
        self.weight = torch.from_numpy(weight).float().to(self.device)
        self.bias = float(model.intercept_[0] - weight @ mean)
        self.counts = [len(rows) for rows in sets]
        self.image_shape = shape

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, 2 x all channels)."""
        rows = []
        for part in images.split(16):
            levels = [level.flatten(2) for level in self.backbone(part)]
            rows.append(
                torch.cat([f(level, 2) for level in levels for f in (torch.mean, torch.std)], 1)
            )
        return torch.cat(rows)

    def score(self, images: torch.Tensor) -> torch.Tensor:
        logits = self._features(self._checked(images).to(self.device)) @ self.weight + self.bias
        return logits.to(images.device)
