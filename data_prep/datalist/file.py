"""dataset.json: one folder of prepared images and who is in which section. Standard library only.

    {"name": ..., "image_size": 128, ..., "training_mixed": [{"image": ..., "subject": ...}, ...],
     "training_healthy": [...], "validation": [{..., "label": 0}], "test": [{..., "label": 1}]}

Paths are POSIX and relative to the folder of dataset.json. Training items carry no label key at
all: Set A (mixed) is unannotated by construction and Set B (healthy) needs none.
"""

import json
from pathlib import Path
from typing import Any

from data_prep.datalist.instead import instead
from data_prep.datalist.items import (
    FILE_NAME,
    SECTIONS,
    UNLABELLED,
    Box,
    Dataset,
    Item,
    a_few,
    can_be_path,
    content_hash,
)
from data_prep.errors import DataError, MissingData
from data_prep.files import read_json, write_text

_REQUIRED = {"name": str, "image_size": int, "bit_depth": int}
_WORDS = {str: "a text", int: "a whole number", list: "a list of images (it may be empty)"}
_OPTIONAL: dict[str, Any] = {
    "description": "",
    "licence": "",
    "modality": "",
    "intensity": {},
    "framing": {},
    "protocol": None,
    "generated_by": {},
}


def read(folder_or_file: Path | str) -> Dataset:
    """Read dataset.json (or its folder), paths unchecked; DataError: absent or malformed.

    >>> read("no/such/folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    data_prep.errors.MissingData: no/such/folder: no such file or folder.
    """
    given = Path(folder_or_file)
    path = given if given.suffix == ".json" and not given.is_dir() else given / FILE_NAME
    if not path.is_file():
        raise MissingData(f"{given}: {instead(given)}")
    try:
        content = read_json(path)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}).") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno} ({error.msg}). "
            "Repair that line or prepare the data set again."
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected one JSON object with the key 'name' and the sections.")
    _require_keys(path, content)
    sections = {name: _read_section(path, name, content[name]) for name in SECTIONS}
    known = {key: content.get(key, default) for key, default in _OPTIONAL.items()}
    for key, default in _OPTIONAL.items():
        if isinstance(default, dict) and not isinstance(known[key], dict):
            raise DataError(f"{path}: key '{key}' must be an object, not {known[key]!r}.")
        if not isinstance(default, dict) and not isinstance(known[key], (str, type(default))):
            raise DataError(f"{path}: key '{key}' must be a text, not {known[key]!r}.")
    return Dataset(
        name=content["name"],
        image_size=content["image_size"],
        bit_depth=content["bit_depth"],
        sections=sections,
        root=path.parent,
        content_hash=str(content.get("content_hash", "")),
        **known,
    )


def write(dataset: Dataset, folder: Path | str) -> Path:
    """Write folder/dataset.json in one step; return its path. DataError: a training label.

    Sets `root` and `content_hash` (SHA-256 over the lists and the bytes of the images).
    """
    folder = Path(folder)
    labelled = [
        item.image
        for section, item in dataset.items()
        if section in UNLABELLED and item.label is not None
    ]
    if labelled:
        raise DataError(
            f"{folder / FILE_NAME}: training sections are written without labels, but "
            f"{a_few(labelled)} carry one. Drop the label before writing."
        )
    dataset.root = folder
    dataset.content_hash = content_hash(dataset)
    content: dict[str, Any] = {"name": dataset.name}
    content |= {key: getattr(dataset, key) for key in _OPTIONAL if key != "generated_by"}
    content |= {"image_size": dataset.image_size, "bit_depth": dataset.bit_depth}
    content |= {"content_hash": dataset.content_hash, "generated_by": dataset.generated_by}
    write_text(folder / FILE_NAME, _to_text(content, dataset))
    return folder / FILE_NAME


def _to_text(content: dict[str, Any], dataset: Dataset) -> str:
    """JSON with one line an image, so that a split can be read and compared line by line."""
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
    blocks = [head]
    for name in SECTIONS:
        lines = [json.dumps(item.to_json(), ensure_ascii=False) for item in dataset.sections[name]]
        blocks.append(f' "{name}": [' + "".join(f"\n  {line}," for line in lines).rstrip(","))
        blocks[-1] += "\n ]" if lines else "]"
    return ",\n".join(blocks) + "\n}\n"


def _require_keys(path: Path, content: dict[str, Any]) -> None:
    for key, kind in [*_REQUIRED.items(), *((name, list) for name in SECTIONS)]:
        if key not in content:
            raise DataError(
                f"{path}: key '{key}' is missing; expected {_WORDS[kind]}. Add it, or prepare "
                "the data set again with healthygan prep."
            )
        if not isinstance(content[key], kind) or isinstance(content[key], bool):
            raise DataError(
                f"{path}: key '{key}' must be {_WORDS[kind]}, "
                f"not of type {type(content[key]).__name__}. Correct it."
            )


def _read_section(path: Path, section: str, entries: list[Any]) -> list[Item]:
    items = []
    for k, entry in enumerate(entries):
        where = f"{path}: {section}[{k}]"
        if not isinstance(entry, dict):
            raise DataError(f"{where} must be an object like {{'image': ..., 'subject': ...}}.")
        for key in ("image", "subject"):
            if not isinstance(entry.get(key), str) or not entry[key]:
                raise DataError(f"{where}: key '{key}' is missing or not a text. Add it.")
        for key, kind in (("label", int), ("slice", int), ("mask", str), ("session", str)):
            value = entry.get(key)
            if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
                raise DataError(f"{where}: key '{key}' must be {kind.__name__}, not {value!r}.")
        for key in ("image", "mask"):
            if entry.get(key) is not None and not can_be_path(entry[key]):
                raise DataError(f"{where}: key '{key}' is no path: {entry[key]!a:.80}. Correct it.")
        if entry.get("boxes") is not None:
            entry = {**entry, "boxes": _read_boxes(where, entry["boxes"])}
        keys = Item.__dataclass_fields__
        items.append(Item(**{key: value for key, value in entry.items() if key in keys}))
    return items


def _read_boxes(where: str, boxes: Any) -> tuple[Box, ...]:
    try:
        read = tuple(
            (float(x), float(y), float(w), float(h), str(name)) for x, y, w, h, name in boxes
        )
    except (OverflowError, TypeError, ValueError):
        raise DataError(
            f"{where}: key 'boxes' must be a list of [x, y, width, height, label]. Correct it."
        ) from None
    return read


def recipe_of_data(folder_or_file: Path | str) -> dict[str, Any] | None:
    """Return ``generated_by.recipe`` of a prepared data set, or None if it cannot be read."""
    try:
        found = read(folder_or_file).generated_by.get("recipe")
    except DataError:  # whoever needs the data set itself says what is wrong with it
        return None
    return dict(found) if isinstance(found, dict) else None
