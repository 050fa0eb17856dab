"""What a data set is: items, sections, errors and the content hash. Standard library only."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.errors import DataError
from data_prep.files import sha256

MARKER = ".data_prep"  # in every folder that data_prep made

UNLABELLED = ("training_mixed", "training_healthy")  # the sections that training reads
LABELLED = ("validation", "test")  # those that are scored
# the parts of a data set, in the order in which they are written
SECTIONS = (*UNLABELLED, *LABELLED)
LABEL_WORDS: dict[int | None, str] = {0: "healthy", 1: "diseased"}  # of an item that has a label
LEADS_OUT = "leads out of the data set, as a link does. Copy the file into it."
Box = tuple[float, float, float, float, str]
FILE_NAME = "dataset.json"  # of the list, in the folder of the images


@dataclass(frozen=True)
class Item:
    """One image.

    Attributes:
        image: path of its file, relative to the root.
        subject: pseudonym of the person; no subject is in two sections.
        session: visit of the subject, or None.
        slice: number of the slice or frame, or None.
        label: 0 healthy, 1 diseased, None not annotated.
        mask: path of its lesion mask, relative to the root, or None.
        boxes: lesions as (x, y, width, height, label) in pixels of the image, x, y the upper left.
    """

    image: str
    subject: str
    session: str | None = None
    slice: int | None = None
    label: int | None = None
    mask: str | None = None
    boxes: tuple[Box, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Only the keys that say something, so an unlabelled item has no label key."""
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass
class Dataset:
    """dataset.json in memory.

    Attributes:
        name: of the data set.
        image_size: pixels of a side.
        bit_depth: of the PNG files, 8 or 16.
        description: a sentence for people.
        licence: of the images.
        modality: such as radiograph.
        intensity: how the grey levels were made.
        framing: how the squares were cut.
        protocol: which sizes training takes: covidx, chestxray14, migraine, demo or None.
        generated_by: program, version and recipe that made it.
        sections: name -> its images; every name of ``SECTIONS`` is there.
        root: folder of the file; never written.
        content_hash: SHA-256 of the lists and the images; empty if not known.
    """

    name: str
    image_size: int
    bit_depth: int = 8
    description: str = ""
    licence: str = ""
    modality: str = ""
    intensity: dict[str, Any] = field(default_factory=dict)
    framing: dict[str, Any] = field(default_factory=dict)
    protocol: str | None = None
    generated_by: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, list[Item]] = field(default_factory=dict)
    root: Path = Path()
    content_hash: str = ""

    def __post_init__(self) -> None:
        self.sections = {name: list(self.sections.get(name, [])) for name in SECTIONS}

    @property
    def path(self) -> Path:
        """Return where ``dataset.json`` is."""
        return self.root / FILE_NAME

    @property
    def subjects(self) -> dict[str, set[str]]:
        """Section -> its subjects."""
        return {name: {item.subject for item in items} for name, items in self.sections.items()}

    def image_path(self, item: Item) -> Path:
        """Return where an image is. Raises DataError where that is outside the data set."""
        return self._inside(item.image)

    def mask_path(self, item: Item) -> Path | None:
        """Return where a mask is, or None. Raises DataError as `image_path`."""
        return self._inside(item.mask) if item.mask is not None else None

    def _inside(self, name: str) -> Path:
        path = self.root / name
        if leads_out(self.root, path):
            raise DataError(f"{name}: it {LEADS_OUT}")
        return path

    def items(self) -> Iterator[tuple[str, Item]]:
        """(section, item) of every image, in the order of the file."""
        for name in SECTIONS:
            for item in self.sections[name]:
                yield name, item


def can_be_path(name: str) -> bool:
    """Tell whether a file can have such a path on this machine."""
    try:
        parts = [os.fsencode(part) for part in re.split(r"[/\\]", name)]
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return "\0" not in name and len(name) <= 4096 and all(len(part) <= 255 for part in parts)


def leads_out(root: Path, path: Path) -> bool:
    """True where a path or a link leads to a file outside the folder of the data set."""
    return not path.resolve().is_relative_to(root.resolve())


def content_hash(dataset: Dataset) -> str:
    """SHA-256 of the lists and of every image's and mask's bytes; the same data, the same hash."""
    total = hashlib.sha256()
    for section, item in dataset.items():
        total.update(json.dumps([section, item.to_json()], sort_keys=True).encode())
        for name in (item.image, item.mask):
            path = dataset.root / name if name else None
            if path is not None and path.is_file():
                total.update(bytes.fromhex(sha256(path)))
    return total.hexdigest()


def a_few(names: Iterable[str], limit: int = 3) -> str:
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
