"""FID, the paper's criterion, and AUCp, the label-free one, of the translations of a checkpoint."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric
from sklearn.metrics import roc_auc_score

from healthygan_monai.errors import Diverged
from healthygan_monai.inferer import split_translation
from healthygan_monai.scoring import image_score


def frechet_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """|mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two feature sets (n, d), n > 1; at least 0.

    With centred features X / sqrt(n - 1) the last trace is the sum of the singular values of X1
    X2^T, which is exact, needs no matrix square root (unstable where n < d) and costs n^2 d instead
    of d^3.
    Source: Heusel et al. 2017, Eq. 6; tested against MONAI's FIDMetric.

    Raises:
        ValueError: a set has fewer than two rows.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("frechet_distance: each set needs at least two images.")
    first, second = first.double(), second.double()
    means = (first.mean(0), second.mean(0))
    x, y = ((f - m) / math.sqrt(len(f) - 1) for f, m in ((first, means[0]), (second, means[1])))
    cross = torch.linalg.svdvals(x @ y.T).sum()
    distance = (
        (means[0] - means[1]).square().sum() + x.square().sum() + y.square().sum() - 2 * cross
    )
    return max(0.0, float(distance))


def aucp(mixed_scores: torch.Tensor, healthy_scores: torch.Tensor) -> float:
    """ROC-AUC of image scores with every mixed image called positive and every known-healthy one
    negative.

    Source: Rahman Siddiquee et al., AUCp, IEEE TMI 2026. No disease label is used. 0.5 where the
    mixed set holds no more anomalies than the healthy one.

    >>> aucp(torch.tensor([0.1, 0.9]), torch.tensor([0.2, 0.3]))
    0.5
    """
    scores = torch.cat([mixed_scores, healthy_scores]).double().cpu().numpy()
    return float(roc_auc_score([1] * len(mixed_scores) + [0] * len(healthy_scores), scores))


def aucp_error(found: float, mixed: int, healthy: int) -> float:
    """Standard error of an AUCp from so many subjects of each set.

    Subjects are counted, since images of one subject are no independent evidence.
    Source: Hanley and McNeil, Radiology 1982;143:29-36, Eq. 2.

    >>> round(aucp_error(0.9, 50, 50), 3)
    0.032
    """
    first, second = found / (2 - found), 2 * found**2 / (1 + found)
    spread = (mixed - 1) * (first - found**2) + (healthy - 1) * (second - found**2)
    return math.sqrt((found * (1 - found) + spread) / (mixed * healthy))


def finite(values: torch.Tensor) -> torch.Tensor:
    """Return the values.

    Raises:
        Diverged: one is not finite.
    """
    if not torch.isfinite(values).all():
        raise Diverged("translated images hold values that are not finite.")
    return values


class FIDCriterion(CumulativeIterationMetric):
    """FID between translated mixed images and real healthy ones, collected batch by batch.

    ``y_pred`` (B, C, H, W) in [-1, 1]: a translated image where ``y`` is 1 (mixed), the real one
    where it is 0.
    """

    def __init__(self, features: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.features = features

    def _compute_tensor(  # type: ignore[override]
        self, y_pred: torch.Tensor, y: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert y is not None
        found = self.features(y_pred)
        return torch.cat([y.reshape(-1, 1).to(found), found], dim=1)

    def aggregate(self) -> float:
        """FID over everything collected.

        Raises:
            Diverged: a translated image is not finite.
        """
        rows = finite(self.get_buffer())
        return frechet_distance(rows[rows[:, 0] == 1, 1:], rows[rows[:, 0] == 0, 1:])


class AUCpCriterion(CumulativeIterationMetric):
    """AUCp of image scores ``y_pred`` (B, 1); ``y`` is 1 for mixed and 0 for healthy images."""

    def _compute_tensor(  # type: ignore[override]
        self, y_pred: torch.Tensor, y: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert y is not None
        return torch.cat([y.reshape(-1, 1).to(y_pred), y_pred.reshape(-1, 1)], dim=1)

    def aggregate(self) -> float:
        """AUCp over everything collected.

        Raises:
            Diverged: a score is not finite.
        """
        rows = finite(self.get_buffer())
        return aucp(rows[rows[:, 0] == 1, 1], rows[rows[:, 0] == 0, 1])


def criterion_metrics(features: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    """``fid`` and ``aucp`` as metrics of a MONAI evaluator that uses ``HealthyGANInferer``."""

    def for_fid(output: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        healthy, _, _ = split_translation(output["pred"])
        is_mixed = output["label"].reshape(-1, 1, 1, 1) == 1
        return torch.where(is_mixed, healthy, output["image"]), output["label"]

    def for_aucp(output: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        _, _, difference = split_translation(output["pred"])
        return image_score(difference).reshape(-1, 1), output["label"]

    return {
        "fid": IgniteMetricHandler(metric_fn=FIDCriterion(features), output_transform=for_fid),
        "aucp": IgniteMetricHandler(metric_fn=AUCpCriterion(), output_transform=for_aucp),
    }
