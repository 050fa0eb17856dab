"""A mixed training set for a benchmark that has none, from subjects that are then not scored."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from data_prep.datalist.instead import PICTURES
from data_prep.errors import DataError, UsageError
from data_prep.frame.recipe import flag
from data_prep.sources.card import Row, require_disjoint
from data_prep.sources.draw import shuffled

SOURCES = ("test", "validation")
NOT_READ = (".bmp", ".gif", ".jp2", ".npy", ".tif", ".tiff", ".webp")
ONE_CLASS = (
    "A benchmark of one class: it has no mixed training images, which our methods need. Say how "
    "they are made: --mixed-from test --mixed-share 0.5 deals half of the test subjects, "
    "unlabelled, into training_mixed, where they are never scored; so figures are of fewer test "
    "images than published ones. --mixed-share 0 makes none, for methods that learn from healthy "
    "images alone."
)


@dataclass(frozen=True)
class Mixed:
    """Choices of the mixed set. mixed_share None: refused, for no default is right."""

    seed: int = 0
    mixed_from: str = flag("test", "section that the mixed set is taken from", choices=SOURCES)
    mixed_share: float | None = flag(
        None, "share of its subjects, of either label, that become mixed; 0: none", metavar="SHARE"
    )
    validation_share: float = flag(
        0.1, "share of the test subjects for validation, where there is none", metavar="SHARE"
    )
    output: Path | None = None

    def __post_init__(self) -> None:
        for name in ("mixed_share", "validation_share"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UsageError(f"--{name.replace('_', '-')} {value}: expected from 0 to under 1")


def pictures(folder: Path, paths: Iterable[str]) -> list[str]:
    """Return the paths of PNG and JPEG files. Raises DataError where there are other pictures."""
    paths = list(paths)
    require_read(folder, paths)
    return [path for path in paths if PurePosixPath(path).suffix.lower() in PICTURES]


def passed_over(paths: Iterable[str], taken: Callable[[str], bool]) -> tuple[str, ...]:
    """Return a warning where pictures lie outside of the folders of a layout."""
    every = [path for path in paths if PurePosixPath(path).suffix.lower() in PICTURES]
    left = sum(not taken(path) for path in every)
    text = f"{left:,} pictures lie outside of the folders that --check lists; they are not used"
    return (text,) * bool(left)


def require_read(folder: Path, paths: Iterable[str]) -> None:
    """Raise DataError where a path has the ending of a picture that is not read."""
    endings = [PurePosixPath(path).suffix.lower() for path in paths]
    other = [ending for ending in endings if ending in NOT_READ]
    if other:
        raise DataError(
            f"{folder}: {len(other):,} images end in {', '.join(sorted(set(other)))}. Only PNG and "
            "JPEG are read. Convert the images and their masks to PNG."
        )


def dealt(rows: Sequence[Row], options: Mixed) -> list[Row]:
    """Return the rows with a mixed section, and with validation where there was none.

    Whole subjects move, drawn from the healthy and from the diseased ones (a subject with any
    diseased image) in the same share. Raises UsageError without a share, LeakError where a subject
    is in two sections, DataError where none of a kind would remain.
    """
    if options.mixed_share is None:
        raise UsageError(ONE_CLASS)
    rows = list(rows)
    require_disjoint(rows)  # whole subjects move, so it holds afterwards too
    if not any(row.section == "validation" for row in rows):
        if options.mixed_from == "validation" and options.mixed_share:
            raise UsageError("--mixed-from validation: these data have no validation images.")
        rows = _move(rows, "test", "validation", options.validation_share, options.seed)
    return _move(rows, options.mixed_from, "training_mixed", options.mixed_share, options.seed)


def _move(rows: list[Row], source: str, target: str, share: float, seed: int) -> list[Row]:
    if not share:
        return rows
    there = [row for row in rows if row.section == source]
    diseased = {row.subject for row in there if row.label == 1}
    healthy = {row.subject for row in there} - diseased
    moved: set[str] = set()
    for subjects in (healthy, diseased):
        count = round(share * len(subjects))
        if not 0 < count < len(subjects):
            raise DataError(
                f"{source} has {len(healthy)} healthy and {len(diseased)} diseased subjects: a "
                f"share of {share:g} leaves none of a kind in {source} or in {target}."
            )
        moved.update(shuffled(subjects, seed, target)[:count])
    return [replace(row, section=target) if row.subject in moved else row for row in rows]


def labels_of(rows: Iterable[Row]) -> dict[str, int]:
    """Return how many healthy and diseased images the mixed set holds."""
    labels = [row.label for row in rows if row.section == "training_mixed"]
    return {"healthy": labels.count(0), "diseased": labels.count(1)}
