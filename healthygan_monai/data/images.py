"""Images to score: a prepared data set or a folder of pictures, with their lesion masks."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_prep import film
from data_prep.datalist import FILE_NAME, PICTURES, DataError, Dataset, Item, is_raw
from data_prep.errors import PrepError
from data_prep.files import write_csv
from data_prep.work.kept import decode
from healthygan_monai.data import labelled_items, load_dataset
from healthygan_monai.data.lists import DEMO_FOLDER
from healthygan_monai.paths import RUN_FILE, SKIPPED_FILE

SHOWN = 5  # problems in one message
NOT_PREPARED = PrepError(
    "a DICOM file or a volume, which is not prepared yet",
    remedy="healthygan score RUN FOLDER OUTPUT takes raw files.",
)
MASK = PrepError(
    "a mask beside its picture, by its name",
    remedy="Give the folder of the prepared data set, or rename it if it is a picture.",
)

logger = logging.getLogger(__name__)


@dataclass
class Pictures(Dataset):
    """The pictures of a folder as unlabelled test images.

    refused: (path below the folder, why) of those that cannot be used.
    """

    refused: tuple[tuple[str, PrepError], ...] = ()


def load_images(folder: Path | str | None, image_size: int) -> Dataset:
    """Load a prepared data set, or grey pictures of a folder (or one picture) as test images.

    A picture's subject is its name below the folder, without the ending. One that cannot be used is
    among ``refused`` of the result, see :class:`Pictures`. Without a folder: the demo's films.

    Raises:
        DataError: nothing to score there, no picture that can be used, or two of one name.
    """
    if folder is None:
        return load_dataset(None, training=False)
    given = Path(folder)
    if (given / FILE_NAME).is_file() or given.suffix == ".json":
        return load_dataset(given, training=False)
    root = pictures_root(given)
    files = [given] if given.is_file() else sorted(root.rglob("*"))
    found = [path for path in files if path.suffix.lower() in PICTURES]
    if not found or (given / RUN_FILE).is_file():  # a run's own pictures are not to score
        return load_dataset(given, training=False)  # it says what is there, and what to do
    stems = {path.with_suffix("") for path in found}
    problems = [(p, problem) for p in found if (problem := _mask(p, stems) or _problem(p))]
    unusable = len(problems)
    problems += [(path, NOT_PREPARED) for path in files if is_raw(path)]
    refused = tuple((path.relative_to(root).as_posix(), problem) for path, problem in problems)
    lines = [f"{name}: {problem}" for name, problem in refused]
    more = f" (and {len(lines) - SHOWN} more)" if len(lines) > SHOWN else ""
    if unusable == len(found):
        raise DataError(f"{given}: no picture can be used. {' '.join(lines[:SHOWN])}{more}")
    for line in lines[:SHOWN]:
        logger.warning("left out: %s", line)
    if more:
        logger.warning("left out:%s", more)
    names: dict[str, Path] = {}
    for path in found:
        if path in dict(problems):
            continue
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in names:
            both = " and ".join(p.relative_to(root).as_posix() for p in (names[name], path))
            raise DataError(
                f"{root}: {both} would write the same result pictures ({name}_mask.png); rename "
                "one of them."
            )
        names[name] = path
    items = [Item(p.relative_to(root).as_posix(), subject=name) for name, p in names.items()]
    return Pictures(root.name, image_size, sections={"test": items}, root=root, refused=refused)


def write_refused(dataset: Dataset, folder: Path | str) -> None:
    """Write FOLDER/skipped.csv, as ``healthygan prep`` does, if pictures could not be used."""
    if not isinstance(dataset, Pictures):
        return
    path = Path(folder) / SKIPPED_FILE
    if not dataset.refused:
        path.unlink(missing_ok=True)  # of an earlier run
        return
    rows = [(name, error.reason, error.detail, error.remedy) for name, error in dataset.refused]
    write_csv(path, ["source", "reason", "detail", "remedy"], rows)


def _mask(path: Path, stems: Collection[Path]) -> PrepError | None:
    """MASK of a NAME_mask.png beside NAME.png, as data_prep writes masks."""
    of = path.with_name(path.stem.removesuffix("_mask"))
    return MASK if path.stem.endswith("_mask") and of in stems else None


def _problem(path: Path) -> PrepError | None:
    """Why a picture cannot be used."""
    try:
        decode(film.read_levels, (path,))
    except PrepError as error:
        return error
    except OSError:
        return PrepError("the file cannot be opened or read", remedy="Check the permissions.")
    return None


def load_mask(path: Path | str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a lesion mask (H, W) bool, resized to the difference map by nearest neighbour.

    Raises:
        DataError: it cannot be decoded.
    """
    try:
        mask = Image.fromarray(decode(film.read_mask, (Path(path),)))
    except PrepError as error:
        raise DataError(f"{Path(path).name}: {error}") from error
    rows, columns = shape
    return np.asarray(mask.resize((columns, rows), Image.Resampling.NEAREST))


def items_to_score(dataset: Dataset) -> list[dict[str, Any]]:
    """Validation and test items, for MONAI data sets."""
    return labelled_items(dataset)


def pictures_root(folder: Path | str | None) -> Path:
    """Return the root that :func:`load_images` has for this folder, without opening an image."""
    if folder is None:
        return DEMO_FOLDER
    return Path(folder).parent if Path(folder).is_file() else Path(folder)
