"""Images to score: a prepared data set or a folder of pictures, with their lesion masks."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_prep.datalist import FILE_NAME, DataError, Dataset, Item
from data_prep.errors import MissingData
from healthygan_monai.data import labelled_items, load_dataset
from healthygan_monai.data.lists import DEMO_FOLDER
from healthygan_monai.data.transforms import GreyReader

PICTURES = (".png", ".jpg", ".jpeg")


def load_images(folder: Path | str | None, image_size: int) -> Dataset:
    """Load a prepared data set, or 8-bit grey pictures of a folder as unlabelled test images.

    A picture's subject is its name below the folder, without the ending. Without a folder: the
    demo's films.

    Raises:
        DataError: nothing to score there, pictures that cannot be used (all are named), or two of
            one name.
    """
    if folder is None or (Path(folder) / FILE_NAME).is_file() or Path(folder).is_file():
        return load_dataset(folder, training=False)
    root = Path(folder)
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in PICTURES)
    if not found:
        raise MissingData(
            f"{root}: no {FILE_NAME} and no pictures ({', '.join(PICTURES)}) there. DICOM and "
            f"NIfTI files are prepared first: healthygan prep films {root} OUTPUT."
        )
    problems = [problem for path in found if (problem := _problem(path))]
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        raise DataError(f"{root}: " + " ".join(problems[:5]) + more)
    names: dict[str, Path] = {}
    for path in found:
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in names:
            both = " and ".join(p.relative_to(root).as_posix() for p in (names[name], path))
            raise DataError(
                f"{root}: {both} would write the same result pictures ({name}_mask.png); rename "
                "one of them."
            )
        names[name] = path
    items = [Item(p.relative_to(root).as_posix(), subject=name) for name, p in names.items()]
    return Dataset(root.name, image_size, sections={"test": items}, root=root)


def _problem(path: Path) -> str | None:
    """Why a picture cannot be used."""
    try:
        GreyReader().get_data((path,))
    except ValueError as error:
        return str(error)
    return None


def load_mask(path: Path | str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a lesion mask (H, W) bool, resized to the difference map by nearest neighbour."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize(shape[::-1], Image.Resampling.NEAREST)) > 0


def items_to_score(dataset: Dataset) -> list[dict[str, Any]]:
    """Validation and test items, for MONAI data sets."""
    return labelled_items(dataset)


def pictures_root(folder: Path | str | None) -> Path:
    """Return the root that :func:`load_images` has for this folder, without opening an image."""
    if folder is None:
        return DEMO_FOLDER
    return Path(folder).parent if Path(folder).is_file() else Path(folder)
