"""What a path that is no data set holds, and the command that makes one of it.

Standard library only. A guess from first bytes and endings: no file is decoded.
"""

import os
import shlex
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from data_prep.datalist.items import FILE_NAME
from data_prep.errors import nearest

MOST_FILES = 200  # looked at; a folder may hold millions
HEAD_BYTES = 4096
PICTURES = (".png", ".jpg", ".jpeg")
VOLUMES = (".nii", ".nii.gz", ".hdr", ".mgz")
MODALITY = b"\x08\x00\x60\x00"  # tag (0008,0060) in Little Endian (PS3.5 7.1)
SCANNER = (b"MR", b"CT", b"PT", b"NM")  # of volumes (PS3.3 C.7.3.1.1.1)


def instead(path: Path) -> str:
    """Return what ``path`` is, if not a data set, and what to do: one or two sentences."""
    if not path.exists():
        return f"no such file or folder{_like(path)} {_prepare('films', 'INPUT', 'OUTPUT')}"
    if path.is_file():
        archive = path.suffix.lower() == ".zip" and zipfile.is_zipfile(path)
        what = "a zip archive, not a data set." if archive else f"not a folder with {FILE_NAME}."
        return f"{what} {_prepare(_kind(path) or 'films', path)}"
    inside = sorted(islice(path.glob(f"*/{FILE_NAME}"), 3))
    if inside:
        names = " or ".join(shlex.quote(str(file.parent)) for file in inside)
        return f"no {FILE_NAME} here, but one below it. Give {names}."
    kinds = Counter(kind for file in islice(_files(path), MOST_FILES) if (kind := _kind(file)))
    if not kinds:
        return f"no {FILE_NAME} in it, and no images. {_prepare('films', 'INPUT', path)}"
    kind, _ = kinds.most_common(1)[0]
    return f"images that are not prepared: there is no {FILE_NAME}. {_prepare(kind, path)}"


def _prepare(kind: str, given: Path | str, output: Path | str | None = None) -> str:
    """Return the sentence that names the command; OUTPUT is beside what was given."""
    made = f"{str(given).rstrip(os.sep)}-prepared" if output is None else output
    words = ["healthygan", "prep", kind, str(given), str(made)]
    return f"Prepare the images first: {shlex.join(words)}"


def _like(path: Path) -> str:
    """Return the prepared folder with the most similar name; any other name may be a patient's."""
    beside = [file.parent.name for file in islice(path.parent.glob(f"*/{FILE_NAME}"), MOST_FILES)]
    return nearest(path.name, beside) or "."


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
