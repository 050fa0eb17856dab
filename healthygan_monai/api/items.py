"""Score the images of a data set: one result an image, and its pictures."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from monai.data import DataLoader, decollate_batch

from data_prep.datalist import Dataset
from healthygan_monai.api.results import ImageResult, Map
from healthygan_monai.data import image_transforms, labelled_items, to_display
from healthygan_monai.data.reader import DecodedBatches
from healthygan_monai.inference.pictures import MapPictures
from healthygan_monai.models.scorer import Scorer, plain

BATCH = 16  # of inference.json


def score_dataset(
    scorer: Scorer,
    dataset: Dataset,
    output: Path | str | None,
    maps: bool,
    sources: Mapping[str, str] | None = None,
) -> list[ImageResult]:
    """Score validation and test images, in the order of their files.

    Args:
        scorer: of the model.
        dataset: what to score.
        output: its folder pictures/ gets the pictures, as they come; None writes none.
        maps: whether results keep their maps.
        sources: image name -> path of the input it was prepared from.
    """
    transform = image_transforms(scorer.image_size, None, scorer.image_channels, track_meta=True)
    items = labelled_items(dataset)
    images = DecodedBatches(items, transform)
    pictures = None if output is None else Path(output) / "pictures"
    save = MapPictures(scorer, images, pictures, dataset.root)
    results: list[ImageResult] = []
    for batch in DataLoader(images, batch_size=BATCH, num_workers=0):
        scores, drawn = scorer(batch["image"])
        for index, image in enumerate(decollate_batch(batch["image"])):
            save({"image": image, **{name: each[index] for name, each in drawn.items()}})
            item = items[len(results)]
            results.append(
                ImageResult(
                    float(scores[index]),
                    scorer.method,
                    parts(batch["image"], drawn, index) if maps else {},
                    subject=item["subject"],
                    image=item["name"],
                    source=(sources or {}).get(item["name"], item["name"]),
                    section=item["section"],
                    slice=None if item["slice"] == "" else int(item["slice"]),
                    label=None if item["label"] < 0 else int(item["label"]),
                )
            )
    return sorted(results, key=lambda r: (r.source, r.image)) if sources else results


def parts(images: torch.Tensor, maps: Mapping[str, torch.Tensor], index: int) -> dict[str, Map]:
    """Return the input and the maps of one image of a batch, each float32 (S, S)."""
    shown = {"input": to_display(images[index])} | {n: drawn[index, 0] for n, drawn in maps.items()}
    return {name: plain(part).cpu().numpy().astype(np.float32) for name, part in shown.items()}
