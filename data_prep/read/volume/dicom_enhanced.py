"""One multi-frame DICOM file (Enhanced MR or CT) -> voxels and affine.

Place, spacing and rescale of each frame are in the functional groups (PS3.3 C.7.6.16).
"""

from pathlib import Path
from typing import Any

import numpy as np

from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import code_of, number_of
from data_prep.read.volume.dicom_geometry import Plane, arrange
from data_prep.read.volume.scan_facts import facts_of, note_sparse, spacing_of
from data_prep.read.volume.volume import RawVolume, ReadOptions, VolumeError


def read_multi_frame(path: Path, options: ReadOptions) -> RawVolume:
    """Frames sorted along their normal, `slope * stored + intercept` of each frame applied.

    MONOCHROME1 is inverted, as ITK does with a series of single frames (PS3.3 C.7.6.3.1.2).
    VolumeError: a part of a concatenation, no geometry, frames share a place and no `volume_index`,
    uneven gaps, undecodable.
    """
    dataset = _read(path)
    _require_whole(dataset)
    planes = _planes(dataset)
    stack = arrange(planes, options.volume_index)
    frames = _frames(dataset, len(planes))
    data = np.stack([_rescaled(dataset, frames[i], i) for i in stack.order], axis=-1)
    data = data.transpose(1, 0, 2)  # (rows, columns, K) -> (columns, rows, K)
    facts = facts_of(dataset, "DICOM multi-frame", data)
    facts["frames"] = len(planes)
    thickness = _group(dataset, 0, "PixelMeasuresSequence").get("SliceThickness")
    if "slice_thickness_mm" not in facts and thickness:
        facts["slice_thickness_mm"] = round(float(thickness), 4)
    note_sparse(facts, stack.gap_mm, len(stack.order))
    return RawVolume(data, stack.affine, spacing_of(stack.affine), facts)


def one_frame(path: Path) -> np.ndarray:
    """Values (column, row) of a file with one frame, as those of `read_multi_frame`."""
    dataset = _read(path)
    return _rescaled(dataset, _frames(dataset, 1)[0], 0).T


def is_inverted(header: Any) -> bool:
    """True where the lowest value is shown white: MONOCHROME1 (PS3.3 C.7.6.3.1.2)."""
    return code_of(header, "PhotometricInterpretation") == "MONOCHROME1"


def _require_whole(dataset: Any) -> None:
    """Raise VolumeError for one of several files that share the frames (PS3.3 C.7.6.16.2.2.4)."""
    if number_of(dataset, "InConcatenationTotalNumber", 1.0) > 1:
        raise VolumeError(
            "one part of a multi-frame scan that is spread over several files (a concatenation)",
            remedy="Export the scan as one file, or as one file a slice.",
        )


def _read(path: Path) -> Any:
    import pydicom

    try:
        with quiet_pydicom():
            return pydicom.dcmread(path, force=True)
    except Exception:  # pydicom raises many kinds on broken files, with header values in them
        raise VolumeError(
            "broken DICOM header: it cannot be parsed", remedy="Export it again from the archive."
        ) from None


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


def _plane(dataset: Any, frame: int) -> Plane:
    position = _group(dataset, frame, "PlanePositionSequence").ImagePositionPatient
    cosines = _group(dataset, frame, "PlaneOrientationSequence").ImageOrientationPatient
    spacing = _group(dataset, frame, "PixelMeasuresSequence").PixelSpacing
    x, y, z = (float(v) for v in position)
    a, b, c, d, e, f = (float(v) for v in cosines)
    return Plane((x, y, z), (a, b, c), (d, e, f), (float(spacing[0]), float(spacing[1])), (frame,))


def _group(dataset: Any, frame: int, keyword: str) -> Any:
    """The item of a functional group: the frame's own, else the shared one, else an empty one."""
    from pydicom.dataset import Dataset

    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in ([own[frame]] if frame < len(own) else [], list(shared)):
        for item in groups:
            if item.get(keyword):
                return item.get(keyword)[0]
    return Dataset()


def _frames(dataset: Any, count: int) -> np.ndarray:
    """Stored values (frames, rows, columns)."""
    try:
        with quiet_pydicom():
            pixels = np.asarray(dataset.pixel_array)
            pixels = pixels[None] if count == 1 and pixels.ndim == 2 else pixels
    except Exception:  # plug-ins raise many kinds; their texts may quote the header
        raise VolumeError(
            "the pixels of the multi-frame file cannot be decoded",
            remedy="Copy it again, or export it uncompressed.",
        ) from None
    if pixels.ndim != 3 or len(pixels) != count:
        raise VolumeError(
            "the multi-frame file holds another number of frames than its header says",
            remedy="Copy or export it again.",
        )
    return pixels


def _rescaled(dataset: Any, pixels: np.ndarray, frame: int) -> np.ndarray:
    """Pixel Value Transformation (PS3.3 C.7.6.16.2.9), or the data set's own rescale."""
    item = _group(dataset, frame, "PixelValueTransformationSequence")
    source = item if item.get("RescaleSlope") is not None else dataset
    slope = number_of(source, "RescaleSlope", 0.0) or 1.0
    intercept = number_of(source, "RescaleIntercept", 0.0)
    if is_inverted(dataset):
        top = 2 ** int(number_of(dataset, "BitsStored", 16.0)) - 1
        pixels = (-1 if number_of(dataset, "PixelRepresentation", 0.0) else top) - pixels.astype(
            int
        )
    if slope == 1.0 and intercept == 0.0:
        return pixels
    return (pixels * slope + intercept).astype(np.float32)
