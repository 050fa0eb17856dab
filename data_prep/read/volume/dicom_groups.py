"""The series of a folder: which DICOM files belong together, from their headers alone.

Files of one series share the Series Instance UID (PS3.3 C.7.3.1). A series is taken apart further
where its images differ in size or direction: the three views of a localiser are no volume. So are
magnitude and phase, and water and fat of a Dixon scan, which some scanners put into one series.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from data_prep.errors import PrepError
from data_prep.read import archive
from data_prep.read.content import HEAD_BYTES
from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import number_of, numbers_of, text_of
from data_prep.read.volume.dicom_damage import Damaged, is_damaged, suffix_of
from data_prep.read.volume.dicom_geometry import Plane, plane_of
from data_prep.read.volume.scan_facts import dixon_of, part_of

_TAGS: list[Any] = [
    "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "SeriesNumber",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns",
    "NumberOfFrames", "EchoTime", "TemporalPositionIdentifier", "AcquisitionNumber",
    "InstanceNumber", "SamplesPerPixel", "Modality", "Manufacturer", "ScanningSequence",
    "MRAcquisitionType", "MagneticFieldStrength", "RepetitionTime", "InversionTime", "FlipAngle",
    "SliceThickness", "PhotometricInterpretation", "PixelRepresentation",
    "ImagesInAcquisition", "ImageType", "ComplexImageComponent", "VolumeBasedCalculationTechnique",
    0x00430010, 0x0043102F,  # GE: `scan_facts.part_of`
]  # fmt: skip
_SAME = 0.01  # of a direction cosine: half a degree
_PLACES = 2  # decimals of mm that tell places apart

T = TypeVar("T")


@dataclass(frozen=True)
class Slice:
    """Where a file belongs. key: equal for the files of one series of one size, sorts by series
    number. direction: the six cosines of Image Orientation, empty where the header has none.

    series, study, instance: UIDs; place: mm (PS3.3 C.7.6.2.1.1), None where the header has none.
    """

    key: tuple
    direction: tuple[float, ...]
    series: str
    study: str
    instance: str
    place: tuple[float, ...] | None
    frames: int


@dataclass(frozen=True)
class Series:
    """One set of files that may be a volume. planes: None for a multi-frame file or where the
    header places no slice. header: the first file's, for facts; its values go nowhere else.
    copies: (file, another file of the same SOP Instance UID and place) of each that is not taken.
    """

    files: tuple[Path, ...]
    planes: tuple[Plane, ...] | None
    frames: int
    colour: bool
    header: Any
    copies: tuple[tuple[Path, Path], ...] = ()


def series_of(files: Iterable[Path]) -> list[Series]:
    """Every series among the files, by series number; files that hold no image are left out."""
    groups: dict[tuple, list[tuple[Path, Any]]] = {}
    for path in sorted(files):
        header = _read(path)
        if _is_image(header):
            groups.setdefault(_key(str(path), header), []).append((path, header))
    stacks = [
        (key[0], str(members[0][0]), members)
        for key, group in groups.items()
        for members in by_direction(group, lambda member: _direction(member[1]))
    ]
    return [_series(members) for _, _, members in sorted(stacks, key=lambda stack: stack[:2])]


def by_direction(
    files: Sequence[T], direction_of: Callable[[T], tuple[float, ...]]
) -> list[list[T]]:
    """The files, taken apart where they point in several directions: the views of a localiser.

    Directions are alike where each is within half a degree of another of them. Rounded ones would
    not do: a hair on either side of a rounding edge is one direction all the same.
    """
    directions = sorted({direction_of(file) for file in files})
    group_of = dict.fromkeys(directions, 0)
    whole = [direction for direction in directions if len(direction) == 6]
    if len(whole) > 1:
        from scipy.cluster.hierarchy import fclusterdata

        found = fclusterdata(
            whole, _SAME, criterion="distance", metric="chebyshev", method="single"
        )
        group_of.update(zip(whole, map(int, found), strict=True))
    stacks: dict[int, list[T]] = {}
    for file in files:
        stacks.setdefault(group_of[direction_of(file)], []).append(file)
    return list(stacks.values())


def slices_of(parts: Sequence[tuple[Path, str | None]]) -> list[Slice | Damaged | None]:
    """Where each file or member of an archive belongs; None for what was never an image."""
    headers = [_read(path, member) for path, member in parts]
    names = [str(path) if member is None else member for path, member in parts]
    images = [_is_image(header) for header in headers]
    suffixes = {suffix_of(name) for name, image in zip(names, images, strict=True) if image}
    found: list[Slice | Damaged | None] = []
    for (path, member), name, header, image in zip(parts, names, headers, images, strict=True):
        if image:
            found.append(_slice(f"{path}/{member}", header))
        elif is_damaged(name, _head(path, member), header, suffixes):
            found.append(Damaged(text_of(header, "SeriesInstanceUID")))
        else:
            found.append(None)
    return found


def damaged_among(files: Iterable[Path]) -> int:
    """How many of the files may have been slices, but cannot be read any more."""
    return sum(isinstance(part, Damaged) for part in slices_of([(path, None) for path in files]))


def _head(path: Path, member: str | None) -> bytes | None:
    """The first bytes; None where the file or the member cannot be read to its end."""
    try:
        if member is not None:
            return archive.read(path, member)[:HEAD_BYTES]
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, PrepError):
        return None


def _slice(name: str, header: Any) -> Slice:
    plane = _plane(header)
    place = None if plane is None else tuple(round(mm, _PLACES) for mm in plane.position)
    series, study, instance = (
        text_of(header, f"{what}InstanceUID") for what in ("Series", "Study", "SOP")
    )
    key, frames = _key(name, header), _frames(header)
    return Slice(key, _direction(header), series, study, instance, place, frames)


def _read(path: Path, member: str | None = None) -> Any | None:
    """The header of a DICOM file, or of what begins like one; None where it cannot be parsed."""
    import pydicom

    try:
        file = path if member is None else io.BytesIO(archive.read(path, member))
        with quiet_pydicom():
            return pydicom.dcmread(file, force=True, stop_before_pixels=True, specific_tags=_TAGS)
    except MemoryError:
        raise
    except Exception:  # broken headers raise many kinds
        return None


def _is_image(header: Any | None) -> bool:
    """True for the header of an image; a file without a size is none, whatever is wrong with it."""
    try:
        with quiet_pydicom():
            return header is not None and bool(header.get("Rows") and header.get("Columns"))
    except Exception:  # broken elements raise when they are converted
        return False


def _key(name: str, header: Any) -> tuple:
    """Sorts by series number; equal for the files of one series of one size and part."""
    number = number_of(header, "SeriesNumber", 0.0)
    uid = str(header.get("SeriesInstanceUID") or "")
    alone = name if _frames(header) > 1 else ""  # a multi-frame file is a volume of its own
    what = part_of(header) or dixon_of(header)
    return number, uid, alone, int(header.Rows), int(header.Columns), what


def _direction(header: Any) -> tuple[float, ...]:
    return tuple(numbers_of(header, "ImageOrientationPatient", 6))


def _frames(header: Any) -> int:
    return int(number_of(header, "NumberOfFrames", 1.0))


def _series(members: list[tuple[Path, Any]]) -> Series:
    first = members[0][1]
    members, copies = _once(members)
    planes = [_plane(header) for _, header in members]
    frames = _frames(first)
    placed = [plane for plane in planes if plane is not None]
    return Series(
        files=tuple(path for path, _ in members),
        planes=tuple(placed) if len(placed) == len(planes) and frames <= 1 else None,
        frames=frames,
        colour=number_of(first, "SamplesPerPixel", 1.0) > 1,
        header=first,
        copies=copies,
    )


def _once(
    members: list[tuple[Path, Any]],
) -> tuple[list[tuple[Path, Any]], tuple[tuple[Path, Path], ...]]:
    """The files without those that are there twice, and (taken, not taken) of these."""
    taken: dict[object, Path] = {}
    kept, copies = [], []
    for path, header in members:
        found = _slice(str(path), header)
        known = (found.instance, found.place) if found.instance and found.place else path
        first = taken.setdefault(known, path)
        if first == path:
            kept.append((path, header))
        else:
            copies.append((first, path))
    return kept, tuple(copies)


def _plane(header: Any) -> Plane | None:
    # an echo or a time point is a volume (PS3.3 C.8.3.1); acquisitions may be parts of one
    rank = ("EchoTime", "TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber")
    return plane_of(
        numbers_of(header, "ImagePositionPatient", 3),
        numbers_of(header, "ImageOrientationPatient", 6),
        numbers_of(header, "PixelSpacing", 2),
        tuple(number_of(header, keyword, 0.0) for keyword in rank),
    )
