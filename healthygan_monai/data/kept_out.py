"""Subjects of the training sections that training never sees, to judge it without any label."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.datalist import UNLABELLED, Dataset, Item
from data_prep.errors import UsageError
from data_prep.files import write_csv
from healthygan_monai.paths import KEPT_OUT_FILE

logger = logging.getLogger(__name__)
LEAST = 2  # images of a section, on either side


def keep_out(dataset: Dataset, share: float, fold: int = 0) -> tuple[Dataset, Dataset]:
    """Return the data set that is learned from, and the images that judge it.

    The subjects of each training section are dealt into ``1 / share`` folds of about as many
    images, the same for every run; fold ``fold`` (modulo their number) is kept out. So runs of
    different seeds keep out different subjects, and together they learn from all. With ``share`` 0,
    both are the whole data set. A section with too few subjects is learned from whole, and judges
    whole: AUCp then flatters long trainings, and a warning says so.

    Raises:
        UsageError: ``share`` is not from 0 to 0.5.
    """
    if isinstance(share, bool) or not 0 <= share <= 0.5:
        raise UsageError(f"kept_out is {share!r}; expected a share from 0 to 0.5.")
    if share == 0:
        return dataset, dataset
    learned, judging = dict(dataset.sections), dict(dataset.sections)
    folds = round(1 / share)
    for name in UNLABELLED:
        items = dataset.sections[name]
        of = _folds(items, folds)
        kept = [item for item in items if of[item.subject] == fold % folds]
        rest = [item for item in items if of[item.subject] != fold % folds]
        if min(len(kept), len(rest)) < LEAST:
            logger.warning(
                "%s has %d subjects, too few to keep some out of training: checkpoints are judged "
                "by images that were trained on",
                *(name, len(of)),
            )
            continue
        learned[name], judging[name] = rest, kept
    return replace(dataset, sections=learned), replace(dataset, sections=judging)


def judges(learned: Dataset, judging: Dataset) -> tuple[int, int] | None:
    """Return the numbers of mixed and of healthy subjects that judge; None where some were trained
    on.
    """
    of = [(learned.subjects[name], judging.subjects[name]) for name in UNLABELLED]
    if any(trained & judged for trained, judged in of):
        return None
    return len(of[0][1]), len(of[1][1])


def _folds(items: list[Item], folds: int) -> dict[str, int]:
    """Deal subjects, those of many images first, each to the fold that has fewest images."""
    images: dict[str, int] = {}
    for item in items:
        images[item.subject] = images.get(item.subject, 0) + 1
    names = sorted(images)
    order = np.random.default_rng(0).permutation(len(names))
    sizes, of = [0] * folds, {}
    for index in sorted(order, key=lambda i: -images[names[i]]):
        fold = sizes.index(min(sizes))
        of[names[index]] = fold
        sizes[fold] += images[names[index]]
    return of


def left_out(learned: Dataset, judging: Dataset) -> list[tuple[str, str, str]]:
    """Return image, section and subject of the images that :func:`keep_out` kept out."""
    seen = {item.image for name in UNLABELLED for item in learned.sections[name]}
    return [
        (item.image, name, item.subject)
        for name in UNLABELLED
        for item in judging.sections[name]
        if item.image not in seen
    ]


def write_kept_out(run: Path, learned: Dataset, judging: Dataset) -> None:
    """List the kept-out images in kept_out.csv of a run folder; no file where none are."""
    rows = left_out(learned, judging)
    if rows:
        write_csv(run / KEPT_OUT_FILE, ("image", "section", "subject"), rows)
