"""What a path that is no data set or no run holds, and the command that takes it.

Standard library only. A guess from first bytes and endings: no file is decoded.
"""

import os
import shlex
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from data_prep.datalist.items import FILE_NAME
from data_prep.errors import nearest

MOST_FILES = 200  # looked at; a folder may hold millions
HEAD_BYTES, SHEET_BYTES = 4096, 1 << 16
CELLS = ("sharedStrings.xml", "content.xml")  # of .xlsx and .ods
PICTURES = (".png", ".jpg", ".jpeg")  # endings of pictures, small
VOLUMES = (".nii", ".nii.gz", ".hdr", ".mgz")
TABLES = (".csv", ".tsv", ".xlsx", ".xlsm", ".ods", ".xls")  # of prep --table
RUN_FILE = "run.json"  # of a run folder, whose sample pictures are no images to prepare
MODALITY = b"\x08\x00\x60\x00"  # tag (0008,0060) in Little Endian (PS3.5 7.1)
SCANNER = (b"MR", b"CT", b"PT", b"NM")  # of volumes (PS3.3 C.7.3.1.1.1)


def instead(path: Path) -> str:
    """Return what ``path`` is, if not a data set, and what to do: one or two sentences."""
    if not path.exists():
        return f"no such file or folder{_like(path)} {_prepare('films', 'INPUT', 'OUTPUT')}"
    if path.is_file():
        return _of_file(path)
    inside = sorted(islice(path.glob(f"*/{FILE_NAME}"), 3))
    if inside:
        names = " or ".join(shlex.quote(str(file.parent)) for file in inside)
        return f"no {FILE_NAME} here, but one below it. Give {names}."
    if (path / RUN_FILE).is_file():
        return "a run folder, not a data set. Give the data set: the folder that prep made."
    if _runs(path):
        return "a folder of runs, not a data set. Give the data set: the folder that prep made."
    kind = _kind_inside(path)
    if kind is None:
        return f"no {FILE_NAME} in it, and no images. {_prepare('films', 'INPUT', path)}"
    return f"images that are not prepared: there is no {FILE_NAME}. {_prepare(kind, path)}"


def instead_of_run(path: Path) -> str | None:
    """Return what ``path`` is, if it is neither a run nor a model, and what to do; else None."""
    given = shlex.quote(str(path))
    score = f"healthygan score RUN {given} OUTPUT"
    if is_table(path):
        return f"a table, not a run. {_prepare_table(path)}"
    if path.suffix.lower() == ".zip" and path.is_file():
        unpack = f"healthygan unpack {given}"
        return f"an archive, not a run. Of healthygan pack: {unpack}; of images: {score}"
    if path.is_file():
        return f"an image, not a run. To score it: {score}" if _kind(path) else None
    if runs := _runs(path):
        return (
            f"a folder of runs, not a run. Give one of them, such as {shlex.quote(str(runs[0]))}."
        )
    if (path / FILE_NAME).is_file():
        return f"a data set, not a run. To train on it: healthygan train {given}"
    return f"images, not a run. To score them: {score}" if _kind_inside(path) else None


def is_raw(path: Path) -> bool:
    """Tell whether a file is a DICOM file or a volume, by its first bytes or its ending."""
    return path.suffix.lower() not in PICTURES and _kind(path) is not None


def is_table(path: Path) -> bool:
    """Tell whether a file is a table, as ``prep --table`` reads it, by its ending."""
    return path.suffix.lower() in TABLES and path.is_file()


def _of_file(path: Path) -> str:
    if is_table(path):
        return f"a table, not a data set. {_prepare_table(path)}"
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        return f"a zip archive, not a data set. {_prepare(_kind_in_archive(path), path)}"
    kind = _kind(path)
    words = _prepare("films", "INPUT", "OUTPUT") if kind is None else _prepare(kind, path)
    return f"not a folder with {FILE_NAME}. {words}"


def _prepare(kind: str, given: Path | str, output: Path | str | None = None) -> str:
    """Return the sentence that names the command; OUTPUT is beside what was given."""
    made = f"{str(given).rstrip(os.sep)}-prepared" if output is None else output
    words = ["healthygan", "prep", kind, str(given), str(made)]
    return f"Prepare the images first: {shlex.join(words)}"


def _prepare_table(table: Path) -> str:
    """Return the sentence for the images that a table lists; only their user knows where."""
    kind = "brains" if b".nii" in _first_cells(table).lower() else "films"
    words = ["healthygan", "prep", kind, "INPUT", f"{table.with_suffix('')}-prepared"]
    command = shlex.join([*words, "--table", str(table)])
    return f"Prepare the images that it lists; INPUT is their folder: {command}"


def _first_cells(table: Path) -> bytes:
    """Return the beginning of a table; of a spreadsheet, of the parts that hold texts of cells."""
    with suppress(OSError, zipfile.BadZipFile, RuntimeError, zlib.error):
        if not zipfile.is_zipfile(table):
            with table.open("rb") as file:
                return file.read(HEAD_BYTES)
        with zipfile.ZipFile(table) as archive:
            parts = [n for n in archive.namelist() if Path(n).name in CELLS or "/sheet" in n]
            return b"".join(archive.open(name).read(SHEET_BYTES) for name in parts[:3])
    return b""


def _kind_in_archive(path: Path) -> str:
    """Return what prepares most of the images in a zip archive, by their names."""
    with zipfile.ZipFile(path) as archive:
        names = [name.lower() for name in islice(archive.namelist(), MOST_FILES)]
    heads = sum(name.endswith(VOLUMES) for name in names)
    return "brains" if heads > sum(name.endswith(PICTURES) for name in names) else "films"


def _runs(folder: Path) -> list[Path]:
    """Return the runs one level below a folder."""
    return sorted(file.parent for file in islice(folder.glob(f"*/{RUN_FILE}"), MOST_FILES))


def _like(path: Path) -> str:
    """Return the prepared folder with the most similar name; any other name may be a patient's."""
    beside = [file.parent.name for file in islice(path.parent.glob(f"*/{FILE_NAME}"), MOST_FILES)]
    return nearest(path.name, beside) or "."


def _kind_inside(folder: Path) -> str | None:
    """Return what prepares most of the files in a folder, as for one file."""
    kinds = Counter(kind for file in islice(_files(folder), MOST_FILES) if (kind := _kind(file)))
    return kinds.most_common(1)[0][0] if kinds else None


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names)


def _kind(path: Path) -> str | None:
    """Return what prepares a file, ``films`` or ``brains``, or None if it seems to be no image."""
    name = path.name.lower()
    if name.endswith(VOLUMES):
        return "brains"
    if name.endswith(PICTURES):
        return "films"
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    if head[128:132] != b"DICM" and not name.endswith((".dcm", ".dicom")):
        return None
    value = head.partition(MODALITY)[2][:10]  # VR, length, value; the VR is absent if implicit
    return "brains" if any(code in value[4:8] for code in SCANNER) else "films"
