"""Find every problem of a data set at once. Standard library only; ``deep`` needs Pillow."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path, PurePosixPath

from data_prep.datalist.items import (
    FILE_NAME,
    LEADS_OUT,
    SECTIONS,
    UNLABELLED,
    Dataset,
    Item,
    a_few,
    content_hash,
    leads_out,
)
from data_prep.datalist.pixels import SIGNATURE, damage
from data_prep.datalist.shared import shared_pictures
from data_prep.errors import DataError, LeakError, PrepError


def check(dataset: Dataset, *, deep: bool = False, hashed: bool = False) -> list[str]:
    """Return every problem, one sentence each.

    Args:
        dataset: as read.
        deep: compare the content hash, and decode every image and mask in a guarded child.
        hashed: the same, but where the hash is right the bytes are those that were prepared, and
            nothing is decoded again.
    """
    if same := _same_sections(dataset):
        return same
    problems = _leaks(dataset) + _section_problems(dataset) + _item_problems(dataset)
    problems += shared_pictures(dataset)
    files = [(name, what) for _, item in dataset.items() for name, what in _files(item)]
    headers = {name: _file_problems(dataset, name, what) for name, what in files}
    problems += [problem for found in headers.values() for problem in found]
    if not (deep or hashed):
        return problems
    readable = [(name, what) for name, what in files if not headers[name]]
    sound = len(readable) == len(files) and dataset.content_hash == content_hash(dataset)
    broken = [] if sound and not deep else _pixel_problems(dataset, readable)
    if dataset.content_hash and not (sound or broken or len(readable) < len(files)):
        broken = [
            f"{FILE_NAME}: content_hash is {dataset.content_hash[:12]} but the lists and "
            "images give another: something changed after preparation. Prepare again."
        ]
    return problems + broken


def require_valid(dataset: Dataset, *, deep: bool = False, hashed: bool = False) -> None:
    """Raise LeakError or DataError listing every problem `check` finds; else return."""
    problems = check(dataset, deep=deep, hashed=hashed)
    if not problems:
        return
    leak = _leaks(dataset) or shared_pictures(dataset)
    kind = LeakError if leak else DataError
    shown = problems[:30] + ([f"and {len(problems) - 30} more"] if len(problems) > 30 else [])
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise kind(f"{dataset.path}: {count}\n  " + "\n  ".join(shown))


def _same_sections(dataset: Dataset) -> list[str]:
    """Say of two sections that they hold the same images, instead of one line an image."""
    images = {name: {item.image for item in items} for name, items in dataset.sections.items()}
    return [
        f"{one} and {other} hold the same {len(images[one])} images: give each section its own."
        for one, other in combinations(SECTIONS, 2)
        if len(images[one]) > 1 and images[one] == images[other]
    ]


def _leaks(dataset: Dataset) -> list[str]:
    homes: dict[str, list[str]] = {}
    for section, subjects in dataset.subjects.items():
        for subject in subjects:
            homes.setdefault(subject, []).append(section)
    return [
        f"subject {subject} is in {' and '.join(sections)}: keep every subject in one section."
        for subject, sections in sorted(homes.items())
        if len(sections) > 1
    ]


def _section_problems(dataset: Dataset) -> list[str]:
    """A data set may lack training, mixed or test images, but not be lopsided or empty."""
    filled = {name for name in SECTIONS if dataset.sections[name]}
    problems = []
    if not filled:
        return ["no images in any section: nothing was prepared."]
    if "training_mixed" in filled and "training_healthy" not in filled:
        problems.append(
            "section training_healthy is empty: every method learns from healthy images."
        )
    labels = {item.label for item in dataset.sections["validation"]}
    if labels in ({0}, {1}):
        only = "healthy" if labels == {0} else "diseased"
        problems.append(f"section validation holds only {only} images: it needs both.")
    return problems


def _item_problems(dataset: Dataset) -> list[str]:
    problems, seen = [], dict[str, str]()
    for section, item in dataset.items():
        where = f"{section}: {item.image}"
        if item.image in seen:
            problems.append(f"{where} is listed twice (also in {seen[item.image]}). Remove one.")
        seen.setdefault(item.image, section)
        if section in UNLABELLED and item.label is not None:
            problems.append(f"{where} carries a label; training items have none. Remove it.")
        elif item.label not in (None, 0, 1):
            problems.append(f"{where}: label {item.label} must be 0 (healthy) or 1 (diseased).")
        elif section in UNLABELLED and (item.mask or item.boxes):
            problems.append(f"{where} carries a lesion; training items have none. Remove it.")
        elif section == "validation" and item.label is None:
            problems.append(f"{where} has no label; validation needs 0 (healthy) or 1 (diseased).")
        size = float(dataset.image_size)
        if not all(  # of a number that is none, nothing is true
            0 <= x < x + w <= size and 0 <= y < y + h <= size for x, y, w, h, _ in item.boxes or ()
        ):
            problems.append(f"{where} has a box that does not lie in the image. Prepare again.")
    labelled = [item.label is not None for item in dataset.sections["test"]]
    if any(labelled) and not all(labelled):
        bare = [item.image for item in dataset.sections["test"] if item.label is None]
        problems.append(
            f"test: {a_few(bare)} without a label while others have one: label all or none."
        )
    return problems


def _files(item: Item) -> list[tuple[str, str]]:
    """(name, what it is) of the files of an item."""
    named = ((item.image, "image"), (item.mask, "mask"))
    return [(name, what) for name, what in named if name is not None]


def _file_problems(dataset: Dataset, name: str, what: str) -> list[str]:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name:
        return [f"{name}: {what} paths are relative to {FILE_NAME}, with '/' only."]
    path = dataset.root / name
    if leads_out(dataset.root, path):
        return [f"{name}: {what} {LEADS_OUT}"]
    if not path.is_file():
        return [f"{name}: {what} does not exist. Prepare again or remove the entry."]
    if path.stat().st_size == 0:
        return [f"{name}: {what} is an empty file. Prepare again."]
    return _header_problems(path, name, dataset, what)


def _header_problems(path: Path, name: str, dataset: Dataset, what: str) -> list[str]:
    """Size and mode from the PNG's IHDR chunk (PNG specification, 11.2.2)."""
    with path.open("rb") as file:
        head = file.read(26)
    if head[:8] != SIGNATURE or len(head) < 26:
        return [f"{name}: {what} is not a PNG. Prepare again."]
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    depth, colour = head[24], head[25]
    problems = []
    size = dataset.image_size
    if (width, height) != (size, size):
        problems.append(f"{name}: {what} is {width}x{height}, expected {size}x{size}.")
    if what == "image" and (colour != 0 or depth not in (8, 16)):
        problems.append(f"{name}: image must be greyscale PNG of 8 or 16 bit. Prepare again.")
    elif what == "image" and depth != dataset.bit_depth:
        problems.append(f"{name}: image has {depth} bit, expected {dataset.bit_depth}.")
    return problems


def _pixel_problems(dataset: Dataset, files: Iterable[tuple[str, str]]) -> list[str]:
    """Decode files, each in a child that it can end."""
    from data_prep.work.kept import decode

    problems = []
    for name, what in files:
        try:
            wrong = decode(damage, (dataset.root / name,))
        except PrepError as error:
            wrong = f"cannot be decoded: {error.reason}"
        if wrong:
            problems.append(f"{name}: {what} {wrong}. Prepare again.")
    return problems
