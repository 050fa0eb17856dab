"""One multi-frame DICOM file (Enhanced MR or CT) -> voxels and affine.

Place, spacing and rescale of each frame are in the functional groups (PS3.3 C.7.6.16).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import group_of, number_of, numbers_of
from data_prep.read.volume.dicom_geometry import Plane, arrange, plane_of
from data_prep.read.volume.dicom_values import Frames, comma_notes, note, read
from data_prep.read.volume.scan_facts import (
    facts_of,
    frame_kind,
    is_magnitude,
    kind_notes,
    note_sparse,
    spacing_of,
)
from data_prep.read.volume.volume import RawVolume, ReadOptions, VolumeError, no_magnitude

GROUPS = (
    *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence"),
    "PixelValueTransformationSequence",
)


def read_multi_frame(path: Path, options: ReadOptions) -> RawVolume:
    """Frames sorted along their normal, `slope * stored + intercept` of each frame applied.

    MONOCHROME1 is inverted, as ITK does with a series of single frames (PS3.3 C.7.6.3.1.2).
    VolumeError: a part of a concatenation, no geometry, frames share a place and no `volume_index`,
    uneven gaps, undecodable.
    """
    dataset = read(path)
    _require_whole(dataset)
    planes = _planes(dataset)
    wanted = _magnitudes(dataset, len(planes))
    stack = arrange([planes[k] for k in wanted], options.volume_index)
    frames = Frames(dataset)
    data = np.empty((len(stack.order), frames.layout.rows, frames.layout.columns), np.float32)
    taken = [wanted[k] for k in stack.order]
    for k, index in enumerate(taken):
        data[k] = frames.values(index, _rescale(dataset, index))
    data = data.transpose(2, 1, 0)  # (K, rows, columns) -> (columns, rows, K)
    facts = facts_of(dataset, "DICOM multi-frame", data)
    facts["frames"] = len(planes)
    if len(wanted) < len(planes):
        note(facts["notes"], f"{len(planes) - len(wanted)} frames of a phase were left out")
    thickness = number_of(group_of(dataset, 0, "PixelMeasuresSequence"), "SliceThickness", 0.0)
    if "slice_thickness_mm" not in facts and thickness:
        facts["slice_thickness_mm"] = round(thickness, 4)
    note(facts["notes"], *(told for k in taken for told in kind_notes(_kind(dataset, k))))
    note(facts["notes"], *frames.notes, *comma_notes(*_numbered(dataset, len(planes))))
    note_sparse(facts, stack.gap_mm, len(stack.order))
    return RawVolume(data, stack.affine, spacing_of(stack.affine), facts)


def _require_whole(dataset: Any) -> None:
    """Raise VolumeError for one of several files that share the frames (PS3.3 C.7.6.16.2.2.4)."""
    if number_of(dataset, "InConcatenationTotalNumber", 1.0) > 1:
        raise VolumeError(
            "one part of a multi-frame scan that is spread over several files (a concatenation)",
            remedy="Export the scan as one file, or as one file a slice.",
        )


def _planes(dataset: Any) -> list[Plane]:
    try:
        with quiet_pydicom():
            return [_plane(dataset, i) for i in range(int(dataset.NumberOfFrames))]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        raise VolumeError(
            "multi-frame DICOM that does not say where its frames lie",
            detail="no Plane Position, Plane Orientation or Pixel Measures of its frames",
            remedy="Export the original object, or one file a slice.",
        ) from None


def _magnitudes(dataset: Any, frames: int) -> list[int]:
    """The frames that are no phase or imaginary part, by their own frame type; OtherImage: none."""
    wanted = [k for k in range(frames) if is_magnitude(_kind(dataset, k))]
    if not wanted:
        raise no_magnitude()
    return wanted


def _kind(dataset: Any, frame: int) -> dict[str, Any]:
    """What a frame of an MR image says of itself where the file's own values may be MIXED."""
    return frame_kind(group_of(dataset, frame, "MRImageFrameTypeSequence"))


def _plane(dataset: Any, frame: int) -> Plane:
    plane = plane_of(
        numbers_of(group_of(dataset, frame, "PlanePositionSequence"), "ImagePositionPatient", 3),
        numbers_of(
            group_of(dataset, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6
        ),
        numbers_of(group_of(dataset, frame, "PixelMeasuresSequence"), "PixelSpacing", 2),
        # the order of the frames need not be that of echoes and time points (PS3.3 C.7.6.16.2.2)
        (
            number_of(group_of(dataset, frame, "MREchoSequence"), "EffectiveEchoTime", 0.0),
            number_of(
                group_of(dataset, frame, "FrameContentSequence"), "TemporalPositionIndex", 0.0
            ),
            frame,
        ),
    )
    if plane is None:
        raise ValueError
    return plane


def _numbered(dataset: Any, frames: int) -> Iterator[Any]:
    """Every item that holds numbers of a frame, and the data set."""
    yield dataset
    for frame in range(frames):
        yield from (group_of(dataset, frame, keyword) for keyword in GROUPS)


def _rescale(dataset: Any, frame: int) -> Any:
    """Pixel Value Transformation of a frame (PS3.3 C.7.6.16.2.9), or the data set's own rescale."""
    item = group_of(dataset, frame, "PixelValueTransformationSequence")
    return item if "RescaleSlope" in item else dataset
