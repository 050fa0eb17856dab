"""OUTPUT as a folder: one run at a time in it, and nothing in it that no run accounts for."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data_prep.datalist.items import MARKER
from data_prep.errors import DataError, UsageError
from data_prep.files import read_json, write_text
from data_prep.outcome import Outcome
from data_prep.source import Source

NAMES = (
    "dataset.json", "images", "inputs.csv", "participants.tsv", "prep_report.html", "qc",
    "sessions.tsv", "skipped.csv",
)  # fmt: skip
OUR_STEMS = {name.split(".")[0] for name in NAMES} | {""}
OURS = re.compile(r"\d{2,}(_\d{3,}(_mask)?)?\.(png|json)")  # names in images/<subject>/


@contextmanager
def alone_in(output: Path) -> Iterator[None]:
    """Keep a second run out of OUTPUT; raises DataError where one is under way.

    The lock is a temporary file named by a hash of the path; it ends with its process.
    """
    from filelock import FileLock, Timeout

    user = os.getuid() if hasattr(os, "getuid") else 0
    name = hashlib.sha256(f"{user}:{output.resolve()}".encode()).hexdigest()[:24]
    lock = FileLock(Path(tempfile.gettempdir()) / f"data_prep-{name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(
            f"{output}: another run is writing there. Wait for it, or choose another folder."
        ) from None
    try:
        yield
    finally:
        lock.release()


def claim(output: Path, origin: str, *, replace: bool = False) -> None:
    """Mark OUTPUT as made by data_prep from INPUT, so later runs may write and clean there.

    origin: tells INPUT from another, maybe a secret. replace: take over what another INPUT gave,
    else DataError, as for files of our names that are not ours.
    """
    marker = output / MARKER
    text = f"Made by data_prep, which writes and removes files here.\n{origin}\n"
    if marker.is_file():
        if marker.read_text(encoding="utf-8") != text and not replace:
            raise UsageError(
                f"{output}: made from another INPUT, with another key or with other --pseudonyms. "
                "Choose another folder, or pass --existing overwrite to replace what is there."
            )
    elif output.is_dir():
        foreign = sorted(name for name in NAMES if (output / name).exists())
        if foreign and not _made_before_markers(output):
            raise UsageError(
                f"{output}: holds {', '.join(foreign)}, which data_prep did not make and would "
                "write over. Choose another folder."
            )
    write_text(marker, text)


def _made_before_markers(output: Path) -> bool:
    try:
        made_by = read_json(output / "dataset.json")["generated_by"]
        return made_by["name"] == "data_prep"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def remove_temporary(output: Path, work: Path) -> None:
    """What a killed run left half-written, in places where nobody else writes."""
    if not (output / MARKER).is_file():
        return
    shutil.rmtree(work, ignore_errors=True)
    halves = [*output.glob("*.tmp"), *output.glob("images/*/*.tmp"), *output.glob("qc/*/*.tmp")]
    for path in halves:
        if path.name.split(".")[0] in OUR_STEMS or path.parent != output:
            path.unlink(missing_ok=True)


def remove_images(output: Path, outcome: Outcome) -> None:
    """The images and the sidecar of one input that was prepared and is not taken after all."""
    for image in outcome.images:
        for name in (image.image, image.mask, f"images/{image.subject}/{image.session}.json"):
            if name:
                (output / name).unlink(missing_ok=True)


def remove_stale(output: Path, sources: Iterable[Source], outcomes: Iterable[Outcome]) -> int:
    """Remove images, sidecars and strips that no input gives any more; return how many.

    Only names of this package below images/ and qc/ go. The strip of a skipped head stays.
    """
    wanted = {f"qc/{source.who.subject}/{source.who.session}.png" for source in sources}
    for outcome in outcomes:
        if not outcome.taken:
            continue
        for image in outcome.images:
            stem = f"images/{image.subject}/{image.session}.json"
            wanted |= {image.image, image.mask or "", stem}
    gone = 0
    tops = [output / name for name in ("images", "qc")]
    for folder in sorted(child for top in tops if top.is_dir() for child in top.iterdir()):
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            known = path.relative_to(output).as_posix() in wanted
            if not known and OURS.fullmatch(path.name):
                path.unlink()
                gone += 1
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return gone
