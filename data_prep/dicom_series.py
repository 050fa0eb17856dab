"""One DICOM series in a folder: SimpleITK finds and sorts the slices, the gaps are checked here.

Patient coordinates of DICOM are LPS (PS3.3 C.7.6.2.1.1), those of NIfTI RAS: the first two axes
change sign. No UID, name or date of a header leaves this file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.volume import RawVolume, ReadOptions, VolumeError

IMAGE_POSITION = "0020|0032"  # Image Position (Patient), PS3.3 C.7.6.2.1.1
GAP_TOLERANCE = 0.1  # of the median gap; scanners round positions to about a hundredth


def read_dicom_series(folder: Path, options: ReadOptions) -> RawVolume:
    """Read the DICOM series of a folder (not of its subfolders) as one volume.

    Raises VolumeError: no series, several and no `series_index`, colour, slices missing.
    """
    import SimpleITK as sitk

    files = _series_files(folder, options)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        with _quiet_itk():
            image = reader.Execute()
    except RuntimeError:  # its text holds file paths
        raise VolumeError(
            "the DICOM series cannot be read as one volume: its slices differ in size or direction",
            remedy="Export the series again, without localisers.",
        ) from None
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        raise VolumeError(
            "colour or multi-frame DICOM; expected one intensity a voxel and one file a slice",
            remedy="Convert it, for example with dcm2niix.",
        )
    if len(files) > 2:
        _check_gaps([reader.GetMetaData(i, IMAGE_POSITION) for i in range(len(files))])
    return _as_raw(image, len(files))


def _series_files(folder: Path, options: ReadOptions) -> list[str]:
    import SimpleITK as sitk

    with _quiet_itk():
        found = sitk.ImageSeriesReader.GetGDCMSeriesIDs(os.fspath(folder))
        series = [
            sitk.ImageSeriesReader.GetGDCMSeriesFileNames(os.fspath(folder), i) for i in found
        ]
    if not series:
        raise VolumeError(
            "no DICOM series in the folder", remedy="Point to the folder that holds the slices."
        )
    counts = ", ".join(f"{i}: {len(files)} files" for i, files in enumerate(series))
    if len(series) > 1 and options.series_index is None:
        raise VolumeError(
            f"{len(series)} DICOM series in one folder; expected one",
            detail=counts,
            remedy="Put each into its own folder, or pass --series-index to choose.",
        )
    index = options.series_index or 0
    if not 0 <= index < len(series):
        raise VolumeError(
            f"the folder has no DICOM series {index}",
            detail=counts,
            remedy=f"Pass --series-index with a number from 0 to {len(series) - 1}.",
        )
    return list(series[index])


def _check_gaps(positions: list[str]) -> None:
    """Refuse missing slices: the volume would be squashed there without any sign of it."""
    points = np.array([[float(x) for x in text.split("\\")] for text in positions])  # (N, 3) mm LPS
    gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    typical = float(np.median(gaps))
    if typical <= 0 or np.abs(gaps - typical).max() > GAP_TOLERANCE * typical:
        raise VolumeError(
            "slices are not evenly spaced: some are missing, or two acquisitions are mixed",
            detail=f"{gaps.min():.2f} to {gaps.max():.2f} mm apart",
            remedy="Export the series again.",
        )


def _as_raw(image: Any, files: int) -> RawVolume:
    import SimpleITK as sitk

    spacing = tuple(float(mm) for mm in image.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * spacing
    affine[:3, 3] = image.GetOrigin()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # LPS -> RAS
    data = sitk.GetArrayFromImage(image).transpose(2, 1, 0)  # (K, J, I) -> (I, J, K)
    facts: dict[str, Any] = {
        "format": "DICOM series",
        "files": files,
        "shape": [int(n) for n in data.shape],
        "dtype": str(data.dtype),
        "orientation_source": "DICOM",
        "notes": [],
    }
    return RawVolume(data, affine, (spacing[0], spacing[1], spacing[2]), facts)


@contextmanager
def _quiet_itk() -> Iterator[None]:
    """ITK writes warnings with paths straight to stderr; what matters is checked above."""
    import SimpleITK as sitk

    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)
