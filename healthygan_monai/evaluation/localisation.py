"""Measure whether a difference map points at the lesion, one image and mask at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from healthygan_monai.evaluation.metrics import average_precision, roc_auc

SMOOTHING = 1 / 64  # sigma as a share of the longer side: 4 pixels at 256, PaDiM's convention
OPTIMISTIC_DICE = "optimistic: threshold chosen on the ground truth of the same image"


@dataclass(frozen=True)
class Localisation:
    """How well one (H, W) difference map finds one lesion.

    Compare pixel_ap and pointing_hit with ``lesion_share``, their chance level.
    """

    pixel_auroc: float
    pixel_ap: float
    best_dice: float  # optimistic: OPTIMISTIC_DICE
    pointing_hit: bool
    inside_outside_ratio: float | None  # mean difference inside / outside; None where outside is 0
    lesion_share: float


def localise(difference: ArrayLike, lesion: ArrayLike) -> Localisation:
    """Return all measures of a difference map and a lesion mask, both (H, W).

    Raises:
        ValueError: other shapes, or a mask with no lesion or nothing else.
    """
    values, inside = _pair(difference, lesion)
    flat_values, truth = values.ravel(), inside.ravel().astype(int)
    outside_mean = float(values[~inside].mean())
    return Localisation(
        pixel_auroc=roc_auc(truth, flat_values),
        pixel_ap=average_precision(truth, flat_values),
        best_dice=best_dice(values, inside)[0],
        pointing_hit=pointing_game(values, inside),
        inside_outside_ratio=float(values[inside].mean()) / outside_mean if outside_mean else None,
        lesion_share=float(inside.mean()),
    )


def best_dice(difference: ArrayLike, lesion: ArrayLike) -> tuple[float, float]:
    """Return (Dice, threshold) of the best cut difference >= threshold; see OPTIMISTIC_DICE."""
    values, inside = _pair(difference, lesion)
    order = np.argsort(-values, axis=None, kind="stable")
    falling = values.ravel()[order]
    hits = np.cumsum(inside.ravel()[order])  # lesion pixels among the k + 1 brightest
    dice = 2 * hits / (np.arange(1, falling.size + 1) + inside.sum())
    # a threshold cannot separate equal values: only the last of them is a cut
    dice[:-1][falling[:-1] == falling[1:]] = -1
    best = int(np.argmax(dice))
    return float(dice[best]), float(falling[best])


def pointing_game(difference: ArrayLike, lesion: ArrayLike, smoothing: float = SMOOTHING) -> bool:
    """Return whether the maximum of the smoothed map is in the lesion; a flat map misses.

    Source: Zhang et al., Top-down neural attention by excitation backprop, ECCV 2016.
    """
    from scipy.ndimage import gaussian_filter

    values, inside = _pair(difference, lesion)
    if np.ptp(values) == 0:
        return False
    smooth = gaussian_filter(values, sigma=smoothing * max(values.shape), mode="nearest")
    return bool(inside.ravel()[np.argmax(smooth)])


def summarise(images: Sequence[Localisation], subjects: Sequence[str]) -> dict[str, Any]:
    """Average each measure over a subject's images, then over subjects, who weigh the same."""
    if len(images) != len(subjects):
        raise ValueError(f"summarise: {len(images)} images but {len(subjects)} subjects.")
    by_subject: dict[str, list[Mapping[str, Any]]] = {}
    for image, subject in zip(images, subjects, strict=True):
        by_subject.setdefault(subject, []).append(asdict(image))
    summary: dict[str, Any] = {"images": len(images), "subjects": len(by_subject)}
    for name in Localisation.__dataclass_fields__:
        summary[name] = _mean(_mean(i[name] for i in items) for items in by_subject.values())
    summary["best_dice_note"] = OPTIMISTIC_DICE
    return summary


def _mean(values: Any) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _pair(difference: ArrayLike, lesion: ArrayLike) -> tuple[NDArray[np.float64], NDArray]:
    values, inside = (np.asarray(difference, dtype=np.float64), np.asarray(lesion).astype(bool))
    if values.ndim != 2 or values.shape != inside.shape:
        raise ValueError(
            f"difference {values.shape} and lesion {inside.shape} must be one (H, W) each, "
            "equal in size; take the mask through the framing of its image."
        )
    if inside.all() or not inside.any():
        raise ValueError("the lesion mask is empty or fills the image; expected a lesion outline.")
    return values, inside
