"""OUTPUT.review: the films set aside for likely text, for a person to look at. It shows patients.

It is beside OUTPUT, never in it, and only its owner can open it (POSIX).
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.datalist.items import MARKER
from data_prep.errors import DISK_TROUBLE, DataError, MissingData, UsageError
from data_prep.files import read_json, whole, write_csv, write_json, write_text
from data_prep.outcome import Outcome
from data_prep.output import ticks
from data_prep.output.page import template
from data_prep.source import Source

if TYPE_CHECKING:
    from data_prep.film.set_aside import Look

log = logging.getLogger(__name__)

SET_ASIDE = "set_aside"  # key of such an Outcome's details
FILMS, PAGE, TABLE, PICTURES = "films.json", "review.html", "review.csv", "pictures"
NAMES = (MARKER, FILMS, PAGE, TABLE)
MADE_BY = "Made by data_prep, which writes and removes files here.\n"
COLUMNS = ("film", "allow", "input", "subject", "section", "view", "why")


def folder_of(output: Path) -> Path:
    """OUTPUT.review, beside OUTPUT."""
    output = output.resolve()
    return output.with_name(f"{output.name}.review")


def claim(output: Path) -> None:
    """Make OUTPUT.review for its owner alone; only a warning where no folder can be made there.

    Raises UsageError where a folder of that name is not ours.
    """
    folder = folder_of(output)
    if folder.exists() and not (folder / MARKER).is_file() and _filled(folder):
        raise UsageError(f"{folder}: not made by data_prep. Rename it, or choose another OUTPUT.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        (folder / PICTURES).mkdir(exist_ok=True)
        write_text(folder / MARKER, MADE_BY)
    except OSError as error:
        if error.errno in DISK_TROUBLE[:1]:
            raise
        log.warning("%s: cannot be made, so films set aside leave no picture to look at", folder)


def _filled(folder: Path) -> bool:
    return not folder.is_dir() or any(folder.iterdir())


def keep(looks: Sequence[Look], film: str, output: Path | None) -> dict[str, Any]:
    """Write the pictures of one film; return what all may know of it, and ``film``, its SHA-256.

    Nothing is written where `claim` made no folder, as in a dry run.
    """
    folder = None if output is None else folder_of(output) / PICTURES
    shown = []
    for number, look in enumerate(looks):
        name = f"{film}_{number:03d}.jpg"
        if folder is not None and folder.is_dir():
            with whole(folder / name) as part:
                part.write_bytes(look.picture)
        coarse = base64.b64encode(look.coarse).decode("ascii")
        shown.append({"name": name, "coarse": coarse, "lines": look.lines, "frame": look.frame})
    return {"film": film, "pictures": shown}


def set_aside(
    sources: Sequence[Source], outcomes: Sequence[Outcome]
) -> list[tuple[Source, Outcome]]:
    """The films set aside for likely text, by name."""
    pairs = zip(sources, outcomes, strict=True)
    return sorted((p for p in pairs if SET_ASIDE in p[1].details), key=lambda pair: pair[1].source)


def write(sources: Sequence[Source], outcomes: Sequence[Outcome], output: Path) -> None:
    """Write the page and the table to fill in; remove what no film set aside accounts for."""
    folder = folder_of(output)
    if not (folder / MARKER).is_file():
        return
    ticked = _ticked_before(folder / TABLE)
    films = [_film(source, outcome, ticked) for source, outcome in set_aside(sources, outcomes)]
    wanted = {picture["name"] for film in films for picture in film["pictures"]}
    _remove(path for path in (folder / PICTURES).iterdir() if path.name not in wanted)
    if not films:
        _remove(folder / name for name in NAMES)
        _drop_empty(folder)
        return
    write_json(folder / FILMS, {"output": output.resolve().name, "films": films})
    rows = [[film.get(column, "") for column in COLUMNS] for film in films]
    write_csv(folder / TABLE, COLUMNS, rows, private=True)
    write_text(folder / PAGE, _page(output.resolve().name, films))


def read(output: Path) -> list[dict[str, Any]]:
    """The films set aside in the last run; MissingData where there are none."""
    path = folder_of(output) / FILMS
    try:
        return list(read_json(path)["films"])
    except FileNotFoundError:
        raise MissingData(
            f"{output}: no film of it waits for a review. Expected {path.parent.name} beside it, "
            "which prep films writes where it sets films aside for likely text."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: damaged. Run prep films again.") from None


def _ticked_before(table: Path) -> dict[str, bool]:
    """What a person has filled in already: a second run does not lose it."""
    try:
        return ticks.read(table)
    except DataError:
        return {}


def _film(source: Source, outcome: Outcome, ticked: Mapping[str, bool]) -> dict[str, Any]:
    details = outcome.details
    pictures = [
        {key: value for key, value in picture.items() if key != "coarse"}
        for picture in details[SET_ASIDE]["pictures"]
    ]
    film = details[SET_ASIDE]["film"]
    return {
        "film": film,
        "allow": "yes" if ticked.get(film) else "",
        "input": source.name,
        "subject": source.who.subject,
        "section": source.truth.section or "test",
        "view": details.get("view", ""),
        "why": outcome.reason.partition(":")[0],
        "pictures": pictures,
    }


def _page(name: str, films: Sequence[dict[str, Any]]) -> str:
    shown = [{**film, "input": printable(film["input"])} for film in films]
    return template(Path(__file__).parent / PAGE).render(name=printable(name), films=shown)


def printable(path: str) -> str:
    """A file name whose bytes are not UTF-8 cannot stand in a page: "?" instead."""
    return path.encode("utf-8", "replace").decode("utf-8")


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _drop_empty(folder: Path) -> None:
    """Remove the folder, unless a person has put something there."""
    for empty in (folder / PICTURES, folder):
        if not any(empty.iterdir()):
            empty.rmdir()
    if folder.is_dir():
        write_text(folder / MARKER, MADE_BY)
