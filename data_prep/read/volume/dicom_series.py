"""One DICOM series -> voxels and affine: a folder with one file a slice, or one multi-frame file.

The voxels come from dicom_values; where they lie is taken from the headers by dicom_geometry. No
UID, name or date of a header leaves this file.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.read.dicom.header import number_of
from data_prep.read.volume.dicom_damage import incomplete
from data_prep.read.volume.dicom_enhanced import read_multi_frame
from data_prep.read.volume.dicom_geometry import arrange
from data_prep.read.volume.dicom_groups import Series, damaged_among, series_of
from data_prep.read.volume.dicom_values import Frames, colour, comma_notes, note, read
from data_prep.read.volume.scan_facts import (
    facts_of,
    from_header,
    is_magnitude,
    note_sparse,
    spacing_of,
)
from data_prep.read.volume.volume import RawVolume, ReadOptions, VolumeError, no_magnitude


def read_dicom_series(folder: Path, options: ReadOptions, files: Sequence[Path] = ()) -> RawVolume:
    """Read the DICOM series of a folder (not of its subfolders), or of the files given.

    VolumeError: no series, another modality, several without `series_index`, colour, slices missing
    or not parallel, several images a slice without `volume_index`, damaged files in the folder.
    """
    there = files or [path for path in folder.iterdir() if path.is_file()]
    series = _chosen(there, options)
    damaged = 0 if files or series.frames > 1 else damaged_among(there)
    if damaged:
        raise incomplete(damaged)
    options.require_modality(from_header(series.header))
    if not is_magnitude(series.header):
        raise no_magnitude()
    if series.colour:
        raise colour()
    if series.frames > 1:
        return read_multi_frame(series.files[0], options)
    if series.planes is None:
        raise VolumeError(
            "the DICOM headers do not say where the slices lie",
            detail="no Image Position, Image Orientation or Pixel Spacing",
            remedy="Export the original series, not secondary captures.",
        )
    stack = arrange(series.planes, options.volume_index)
    data, notes = _values([series.files[i] for i in stack.order])
    _require_equal(series)
    facts = facts_of(series.header, "DICOM series", data)
    facts["files"] = len(series.files)
    note(facts["notes"], *notes)
    if series.copies:
        facts["notes"].append("some slices are there twice, with equal pixels; each was taken once")
    counted = int(number_of(series.header, "ImagesInAcquisition", 0.0))  # PS3.3 C.7.6.1
    if counted > len(series.files):
        facts["notes"].append(
            f"the header counts {counted} images in the acquisition, and {len(series.files)} are "
            "there: slices may be missing"
        )
    note_sparse(facts, stack.gap_mm, len(stack.order))
    return RawVolume(data, stack.affine, spacing_of(stack.affine), facts)


def _chosen(files: Sequence[Path], options: ReadOptions) -> Series:
    series = series_of(files)
    if not series and damaged_among(files):
        raise VolumeError(
            "damaged DICOM: no image can be read", remedy="Copy or export the series again."
        )
    if not series:
        raise VolumeError(
            "no DICOM series in the folder", remedy="Point to the folder that holds the slices."
        )
    counts = ", ".join(f"{i}: {len(one.files)} files" for i, one in enumerate(series))
    if len(series) > 1 and options.series_index is None:
        raise VolumeError(
            f"{len(series)} DICOM series in one folder; expected one",
            detail=counts,
            remedy="Put each into its own folder, or pass --series-index to choose.",
        )
    index = (options.series_index or 0) if len(series) > 1 else 0
    if not 0 <= index < len(series):
        raise VolumeError(
            f"the folder has no DICOM series {index}",
            detail=counts,
            remedy=f"Pass --series-index with a number from 0 to {len(series) - 1}.",
        )
    return series[index]


def _require_equal(series: Series) -> None:
    """Raise VolumeError where two files of one SOP Instance UID hold other pixels."""
    for pair in series.copies:
        (first, _), (second, _) = (_values([path]) for path in pair)
        if not np.array_equal(first, second):
            raise VolumeError(
                "two files of one slice hold different pixels",
                detail=f"{len(series.copies)} slices are there twice",
                remedy="Two exports are mixed: export the series again, alone.",
            )


def _values(files: Sequence[Path]) -> tuple[np.ndarray, list[str]]:
    """float32 (I, J, K) in the order of the files, bright where the scan is; notes on them."""
    slices, notes = [], list[str]()
    for path in files:
        dataset = read(path)
        frames = Frames(dataset)
        slices.append(frames.values(0, dataset))
        note(notes, *frames.notes, *comma_notes(dataset))
    return np.stack(slices).transpose(2, 1, 0), notes  # (K, J, I) -> (I, J, K)
