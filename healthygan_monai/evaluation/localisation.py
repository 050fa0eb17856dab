"""Measure whether a difference map finds the lesion: one image at a time, then their average."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from healthygan_monai.evaluation.defaults import RESAMPLES
from healthygan_monai.evaluation.exact import Interval, exact_share, or_exact
from healthygan_monai.evaluation.intervals import CONFIDENCE, intervals_by_subject
from healthygan_monai.evaluation.metrics import average_precision, dice, roc_auc
from healthygan_monai.evaluation.pointing import BoxHit, map_and_mask, pointing_game

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
    quantile_dice: float | None = None  # at a threshold chosen without outlines; None without one


def localise(
    difference: ArrayLike, lesion: ArrayLike, threshold: float | None = None
) -> Localisation:
    """Return all measures of a difference map and a lesion mask, both (H, W).

    threshold: of ``quantile_dice``: a pixel is called where difference >= it.

    Raises:
        ValueError: other shapes, or a mask with no lesion or nothing else.
    """
    values, inside = map_and_mask(difference, lesion)
    flat_values, truth = values.ravel(), inside.ravel().astype(int)
    outside_mean = float(values[~inside].mean())
    return Localisation(
        pixel_auroc=roc_auc(truth, flat_values),
        pixel_ap=average_precision(truth, flat_values),
        best_dice=best_dice(values, inside)[0],
        pointing_hit=pointing_game(values, inside),
        inside_outside_ratio=float(values[inside].mean()) / outside_mean if outside_mean else None,
        lesion_share=float(inside.mean()),
        quantile_dice=None if threshold is None else _dice_at(threshold, values, inside),
    )


def best_dice(difference: ArrayLike, lesion: ArrayLike) -> tuple[float, float]:
    """Return (Dice, threshold) of the best cut difference >= threshold; see OPTIMISTIC_DICE."""
    values, inside = map_and_mask(difference, lesion)
    order = np.argsort(-values, axis=None, kind="stable")
    falling = values.ravel()[order]
    hits = np.cumsum(inside.ravel()[order])  # lesion pixels among the k + 1 brightest
    found = dice(hits, np.arange(1, falling.size + 1), inside.sum())
    # a threshold cannot separate equal values: only the last of them is a cut
    found[:-1][falling[:-1] == falling[1:]] = -1
    best = int(np.argmax(found))
    return float(found[best]), float(falling[best])


def _dice_at(threshold: float, values: NDArray, inside: NDArray) -> float:
    called = values >= threshold
    return float(dice((called & inside).sum(), called.sum(), inside.sum()))


def summarise(
    images: Sequence[Localisation],
    subjects: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Average each measure over a subject's images, then over subjects, who weigh the same.

    ``intervals`` are of these averages: 95 %, by bootstrap over subjects.
    """
    names = list(Localisation.__dataclass_fields__)
    summary = _average(names, [asdict(image) for image in images], subjects, resamples, seed)
    summary["best_dice_note"] = OPTIMISTIC_DICE
    return summary


def summarise_boxes(
    images: Sequence[BoxHit], subjects: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any] | None:
    """Average as ``summarise`` does; None without an image."""
    names = list(BoxHit.__dataclass_fields__)
    measured = [asdict(image) for image in images]
    return _average(names, measured, subjects, resamples, seed) if images else None


def _average(
    names: Sequence[str],
    images: Sequence[Mapping[str, Any]],
    subjects: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    if len(images) != len(subjects):
        raise ValueError(f"summarise: {len(images)} images but {len(subjects)} subjects.")
    by_subject: dict[str, list[Mapping[str, Any]]] = {}
    for image, subject in zip(images, subjects, strict=True):
        by_subject.setdefault(subject, []).append(image)
    rows = [[_mean(i[name] for i in items) for name in names] for items in by_subject.values()]
    table = np.array(rows, dtype=np.float64).reshape(-1, len(names))  # None becomes NaN

    def averages(chosen: NDArray[np.intp]) -> dict[str, float | None]:
        return dict(zip(names, map(_mean, table[chosen].T), strict=True))

    spread = intervals_by_subject(
        averages, np.ones(len(by_subject), dtype=int), resamples=resamples, seed=seed
    )
    values = averages(np.arange(len(table)))
    bounds = {
        name: or_exact(found, partial(_exact, name, values[name], table[:, names.index(name)]))
        or (None, None)
        for name, found in spread.items()
    }
    return {
        "images": len(images),
        "subjects": len(by_subject),
        **values,
        "intervals": {name: {"low": low, "high": high} for name, (low, high) in bounds.items()},
    }


def _exact(name: str, value: float | None, known: NDArray) -> Interval | None:
    if name == "inside_outside_ratio":  # has no upper end
        return None
    return exact_share(value, int((~np.isnan(known)).sum()), CONFIDENCE)


def _mean(values: Any) -> float | None:
    """Return the mean of those that are known; None where none is."""
    found = np.array(list(values), dtype=np.float64)
    known = found[~np.isnan(found)]
    return float(known.mean()) if known.size else None
