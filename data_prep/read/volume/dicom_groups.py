"""The series of a folder: which DICOM files belong together, from their headers alone.

Files of one series share the Series Instance UID (PS3.3 C.7.3.1). A series is taken apart further
where its images differ in size or direction: the three views of a localiser are no volume.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import number_of, numbers_of
from data_prep.read.volume.dicom_geometry import Plane

_TAGS = [
    "SeriesInstanceUID", "SeriesNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "Rows", "Columns", "NumberOfFrames", "EchoTime", "AcquisitionNumber",
    "InstanceNumber", "SamplesPerPixel", "Modality", "Manufacturer", "ScanningSequence",
    "MRAcquisitionType", "MagneticFieldStrength", "RepetitionTime", "InversionTime", "FlipAngle",
    "SliceThickness",
]  # fmt: skip
_COSINES = 2  # decimals that tell directions apart: half a degree


@dataclass(frozen=True)
class Series:
    """One set of files that may be a volume. planes: None for a multi-frame file or where the
    header places no slice. header: the first file's, for facts; its values go nowhere else.
    """

    files: tuple[Path, ...]
    planes: tuple[Plane, ...] | None
    frames: int
    colour: bool
    header: Any


def series_of(files: Iterable[Path]) -> list[Series]:
    """Every series among the files, by series number; files that hold no image are left out."""
    groups: dict[tuple, list[tuple[Path, Any]]] = {}
    for path in sorted(files):
        header = _header(path)
        if header is not None:
            groups.setdefault(_key(path, header), []).append((path, header))
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], str(item[1][0][0])))
    return [_series(members) for _, members in ordered]


def named(parent: str, files: Iterable[Path]) -> list[tuple[str, int | None]]:
    """(source name, series_index) of each series: `parent`, None, or "folder/series-2", 1."""
    count = len(series_of(files))
    if count <= 1:
        return [(parent, None)]
    return [(f"{parent}/series-{index + 1}", index) for index in range(count)]


def _header(path: Path) -> Any | None:
    """The header of a DICOM image; None for anything else, whatever is wrong with it."""
    import pydicom

    try:
        with quiet_pydicom():
            header = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=_TAGS)
            return header if header.get("Rows") and header.get("Columns") else None
    except Exception:  # broken headers raise many kinds; a file without a size is no image
        return None


def _key(path: Path, header: Any) -> tuple:
    """Sorts by series number; equal for the files of one stack."""
    number = number_of(header, "SeriesNumber", 0.0)
    uid = str(header.get("SeriesInstanceUID") or "")
    frames = int(number_of(header, "NumberOfFrames", 1.0))
    alone = str(path) if frames > 1 else ""  # a multi-frame file is a volume of its own
    cosines = numbers_of(header, "ImageOrientationPatient", 6)
    direction = tuple(round(c, _COSINES) + 0.0 for c in cosines)
    return number, uid, alone, direction, int(header.Rows), int(header.Columns)


def _series(members: list[tuple[Path, Any]]) -> Series:
    first = members[0][1]
    planes = [_plane(header) for _, header in members]
    frames = int(number_of(first, "NumberOfFrames", 1.0))
    placed = [plane for plane in planes if plane is not None]
    return Series(
        files=tuple(path for path, _ in members),
        planes=tuple(placed) if len(placed) == len(planes) and frames <= 1 else None,
        frames=frames,
        colour=number_of(first, "SamplesPerPixel", 1.0) > 1,
        header=first,
    )


def _plane(header: Any) -> Plane | None:
    position = numbers_of(header, "ImagePositionPatient", 3)
    cosines = numbers_of(header, "ImageOrientationPatient", 6)
    spacing = numbers_of(header, "PixelSpacing", 2)
    if not (position and cosines and spacing) or min(spacing) <= 0:
        return None
    rank = tuple(
        number_of(header, key, 0.0) for key in ("EchoTime", "AcquisitionNumber", "InstanceNumber")
    )
    x, y, z = position
    return Plane((x, y, z), _unit(cosines[:3]), _unit(cosines[3:]), (spacing[0], spacing[1]), rank)


def _unit(vector: list[float]) -> tuple[float, float, float]:
    length = float(np.linalg.norm(vector)) or 1.0
    x, y, z = (value / length for value in vector)
    return x, y, z
