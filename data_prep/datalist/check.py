"""Find every problem of a data set at once. Standard library only, with Pillow if ``deep``."""

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
from data_prep.datalist.shared import shared_pictures
from data_prep.errors import DataError, LeakError

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def check(dataset: Dataset, *, deep: bool = False) -> list[str]:
    """Return every problem, one sentence each; deep: also decode PNGs, check the content hash."""
    problems = _leaks(dataset) + _section_problems(dataset) + _item_problems(dataset)
    files = [
        problem for _, item in dataset.items() for problem in _file_problems(dataset, item, deep)
    ]
    if deep and not files and dataset.content_hash:
        found = content_hash(dataset)
        if found != dataset.content_hash:
            files.append(
                f"{FILE_NAME}: content_hash is {dataset.content_hash[:12]} but the lists and "
                f"images give {found[:12]}: something changed after preparation. Prepare again."
            )
    return problems + files + shared_pictures(dataset)


def require_valid(dataset: Dataset, *, deep: bool = False) -> None:
    """Raise LeakError or DataError listing every problem `check` finds; else return."""
    problems = check(dataset, deep=deep)
    if not problems:
        return
    leak = _leaks(dataset) or shared_pictures(dataset)
    kind = LeakError if leak else DataError
    shown = problems[:30] + ([f"and {len(problems) - 30} more"] if len(problems) > 30 else [])
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise kind(f"{dataset.path}: {count}\n  " + "\n  ".join(shown))


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
    """A data set may lack training or test images, but not be lopsided or empty."""
    filled = {name for name in SECTIONS if dataset.sections[name]}
    problems = []
    if not filled:
        return ["no images in any section: nothing was prepared."]
    training = filled & set(UNLABELLED)
    if len(training) == 1:
        (missing,) = set(UNLABELLED) - training
        problems.append(f"section {missing} is empty: training needs mixed and healthy images.")
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
        if any(
            min(x, y) < 0 or min(w, h) <= 0 or x + w > size or y + h > size
            for x, y, w, h, _ in item.boxes or ()
        ):
            problems.append(f"{where} has a box that does not lie in the image. Prepare again.")
    labelled = [item.label is not None for item in dataset.sections["test"]]
    if any(labelled) and not all(labelled):
        bare = [item.image for item in dataset.sections["test"] if item.label is None]
        problems.append(
            f"test: {a_few(bare)} without a label while others have one: label all or none."
        )
    return problems


def _file_problems(dataset: Dataset, item: Item, deep: bool) -> list[str]:
    problems = []
    for name, what in ((item.image, "image"), (item.mask, "mask")):
        if name is None:
            continue
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name:
            problems.append(f"{name}: {what} paths are relative to {FILE_NAME}, with '/' only.")
            continue
        path = dataset.root / name
        if leads_out(dataset.root, path):
            problems.append(f"{name}: {what} {LEADS_OUT}")
        elif not path.is_file():
            problems.append(f"{name}: {what} does not exist. Prepare again or remove the entry.")
        elif path.stat().st_size == 0:
            problems.append(f"{name}: {what} is an empty file. Prepare again.")
        else:
            problems += _png_problems(path, name, dataset, what, deep)
    return problems


def _png_problems(path: Path, name: str, dataset: Dataset, what: str, deep: bool) -> list[str]:
    """Size and mode from the PNG's IHDR chunk (PNG specification, 11.2.2); pixels only if deep."""
    with path.open("rb") as file:
        head = file.read(26)
    if head[:8] != _PNG_MAGIC or len(head) < 26:
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
    if deep:
        from PIL import Image

        try:
            with Image.open(path) as picture:
                picture.load()
        except (OSError, SyntaxError, ValueError):
            problems.append(f"{name}: {what} cannot be decoded. Prepare again.")
    return problems
