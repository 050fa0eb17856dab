"""dataset.json as the lists of dictionaries that MONAI data sets take."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.datalist import (
    LABELLED,
    LEAST_IMAGES,
    UNLABELLED,
    DataError,
    Dataset,
    Item,
    read,
    require_valid,
)

logger = logging.getLogger(__name__)
DEMO_FOLDER = Path("data/demo")


def load_dataset(folder: Path | str | None, training: bool = True) -> Dataset:
    """Read and check a prepared data set; without one, make the demo's phantom films and use them.

    Args:
        folder: holds dataset.json; None is the embedded default, made under ``data/demo`` once.
        training: whether both training sections must hold images.

    Raises:
        DataError, LeakError: everything wrong with the data set, in one message.
    """
    if folder is None:
        from data_prep.demo import make_demo

        logger.info(
            "no data set given (--dataset_dir): using phantom chest films in %s", DEMO_FOLDER
        )
        folder = make_demo(DEMO_FOLDER)
    dataset = read(folder)
    require_valid(dataset, deep=training)  # a broken image must not wait for its turn
    for name in UNLABELLED if training else ():
        if not dataset.sections[name]:
            raise DataError(
                f"{dataset.path}: section {name} is empty; training needs a mixed and a healthy "
                "set. Prepare the images with a cohort table that fills both."
            )
        if len(dataset.sections[name]) < LEAST_IMAGES:
            raise DataError(
                f"{dataset.path}: section {name} holds one image; training needs {LEAST_IMAGES}, "
                "and learns something from some hundred."
            )
    for name in LABELLED if training else ():
        if not dataset.sections[name]:
            logger.warning("%s: section %s is empty, nothing to evaluate on", dataset.path, name)
    return dataset


def training_items(dataset: Dataset, section: str) -> list[dict[str, Any]]:
    """Return the ``image`` paths of a training section: no label, no subject."""
    return [{"image": str(dataset.image_path(item))} for item in dataset.sections[section]]


def labelled_items(dataset: Dataset, sections: Sequence[str] = LABELLED) -> list[dict[str, Any]]:
    """Items for scoring: image path, section, what ``scores.csv`` says of each, and its lesions.

    ``lesion`` is the path of the mask, "" without one. ``boxes`` is JSON, shares of the image: each
    (x, y, width, height); "" without one. ``lesion_free`` is 1 for healthy images of a data
    set whose test section has masks.

    Raises:
        DataError: all these sections are empty.
    """
    masked = any(item.mask for item in dataset.sections["test"])
    items = [_scored(dataset, s, item, masked) for s in sections for item in dataset.sections[s]]
    if not items:
        raise DataError(f"{dataset.path}: nothing to score; {' and '.join(sections)} are empty.")
    return items


def _scored(dataset: Dataset, section: str, item: Item, masked: bool) -> dict[str, Any]:
    boxes = [[value / dataset.image_size for value in box[:4]] for box in item.boxes or ()]
    return {
        "image": str(dataset.image_path(item)),
        "section": section,
        "name": item.image,
        "subject": item.subject,
        "slice": "" if item.slice is None else str(item.slice),  # one type: they are batched
        "label": -1 if item.label is None else item.label,
        "lesion": str(dataset.mask_path(item) or ""),
        "lesion_free": int(masked and item.label == 0),
        "boxes": json.dumps(boxes) if boxes else "",
    }


def selection_items(dataset: Dataset, most: int = 2048) -> list[dict[str, Any]]:
    """Images that choose a checkpoint: evenly spaced ones of both training sets, at most ``most``
    of each.

    ``label`` is 1 for the mixed set and 0 for the healthy set: set membership, which is known, not
    disease. 2,048 is what pytorch-fid recommends at least for its 2,048 features.
    """
    chosen = []
    for label, section in ((1, "training_mixed"), (0, "training_healthy")):
        items = training_items(dataset, section)
        index = np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int))
        chosen += [{**items[i], "label": label} for i in index]
    return chosen
