"""Make the pictures of an image from its row of scores.csv."""

from pathlib import Path

from healthygan_monai.data import image_transforms, labelled_items, load_dataset, to_display
from healthygan_monai.data.images import load_mask
from healthygan_monai.models.scorer import make_scorer, plain
from healthygan_monai.report.cases import Translate, Translation
from healthygan_monai.scoring import ScoreRow


def case_pictures(model: Path, dataset: Path | str, accept_changed: bool = False) -> Translate:
    """Return a function from a row of scores.csv to the pictures of that image."""
    images = load_dataset(dataset, training=False)
    scorer = make_scorer(model, image_size=images.image_size, accept_changed=accept_changed)
    load = image_transforms(scorer.image_size, images.bit_depth, scorer.image_channels)
    items = {item["name"]: item for item in labelled_items(images)}

    def pictures(row: ScoreRow) -> Translation:
        item = items[row.image]
        image = plain(load({"image": item["image"]})["image"])
        maps = {name: drawn[0, 0].numpy() for name, drawn in scorer(image[None]).maps.items()}
        lesion = load_mask(item["lesion"], tuple(image.shape[-2:])) if item["lesion"] else None
        return Translation(image=to_display(image).numpy(), lesion=lesion, **maps)

    return pictures
