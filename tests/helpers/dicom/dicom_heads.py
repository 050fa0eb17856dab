"""Heads as DICOM: one file a slice, or one multi-frame file, with any affine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from planted import PLANTED

from data_prep.read.dicom.write import save_dicom

ROOT = "1.2.826.0.1.3680043.8.498"
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def cosines(affine: np.ndarray) -> tuple[list[float], list[float]]:
    """(Image Orientation, Pixel Spacing) of arrays whose axes are column, row, slice."""
    lps = (LPS @ affine)[:3, :3]
    size = np.linalg.norm(lps, axis=0)
    row, column = lps[:, 0] / size[0], lps[:, 1] / size[1]
    return [round(float(v), 10) for v in [*row, *column]], [float(size[1]), float(size[0])]


def position(affine: np.ndarray, k: float) -> list[float]:
    return [round(float(v), 6) for v in (LPS @ affine @ [0, 0, k, 1])[:3]]


def base(shape: tuple[int, int], kind: str) -> Any:
    """A data set with what every MR image has, and a patient nobody may meet again."""
    from pydicom.dataset import Dataset

    ds = Dataset()
    ds.SOPClassUID = kind
    ds.StudyInstanceUID = f"{ROOT}.9"
    ds.PatientName, ds.PatientID = f"{PLANTED[0]}^{PLANTED[1]}", PLANTED[2]
    ds.Modality, ds.Manufacturer = "MR", "Philips Medical Systems"
    ds.MagneticFieldStrength = "3"
    ds.Columns, ds.Rows = shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    return ds


def write_stack(
    folder: Path,
    data: np.ndarray,
    affine: np.ndarray,
    *,
    series: int = 1,
    depths: Sequence[float] | None = None,
    slopes: Sequence[float] | None = None,
    **header: Any,
) -> Path:
    """One file a slice of int16 (column, row, slice). depths: where the slices lie, in slices."""
    folder.mkdir(parents=True, exist_ok=True)
    orientation, spacing = cosines(affine)
    for k in range(data.shape[2]):
        ds = base(data.shape[:2], "1.2.840.10008.5.1.4.1.1.4")
        ds.SeriesInstanceUID = f"{ROOT}.{series}"
        ds.SOPInstanceUID = f"{ROOT}.{series}.{header.get('EchoTime', 0)}.{k + 1}"
        ds.SeriesNumber, ds.InstanceNumber = str(series), str(k + 1)
        ds.ImageOrientationPatient, ds.PixelSpacing = orientation, spacing
        ds.ImagePositionPatient = position(affine, k if depths is None else depths[k])
        ds.SliceThickness = round(float(np.linalg.norm(affine[:3, 2])), 4)
        if slopes is not None:
            ds.RescaleSlope, ds.RescaleIntercept = str(slopes[k]), "0"
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        ds.PixelData = np.ascontiguousarray(data[:, :, k].T).astype("<i2").tobytes()
        ds["PixelData"].VR = "OW"
        # names in another order than the slices
        save_dicom(ds, folder / f"{series}_{header.get('EchoTime', 0)}_{(k * 7) % 1009:04d}.dcm")
    return folder


def write_multi_frame(
    path: Path,
    data: np.ndarray,
    affine: np.ndarray,
    *,
    order: Sequence[int] | None = None,
    rescale: tuple[int, int] = (2, -7),
    **header: Any,
) -> Path:
    """One Enhanced MR file, its frames in the given order; rescale: slope, intercept."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence as Items

    def item(keyword: str, **values: Any) -> Dataset:
        inner, outer = Dataset(), Dataset()
        for name, value in values.items():
            setattr(inner, name, value)
        setattr(outer, keyword, Items([inner]))
        return outer

    path.parent.mkdir(parents=True, exist_ok=True)
    order = range(data.shape[2]) if order is None else order
    orientation, spacing = cosines(affine)
    ds = base(data.shape[:2], "1.2.840.10008.5.1.4.1.1.4.1")
    ds.SeriesInstanceUID, ds.SOPInstanceUID = f"{ROOT}.5", f"{ROOT}.5.1"
    shared = item("PlaneOrientationSequence", ImageOrientationPatient=orientation)
    thick = float(np.linalg.norm(affine[:3, 2]))
    shared.update(item("PixelMeasuresSequence", PixelSpacing=spacing, SliceThickness=thick))
    shared.update(
        item(
            "PixelValueTransformationSequence",
            RescaleSlope=str(rescale[0]),
            RescaleIntercept=str(rescale[1]),
        )
    )
    ds.SharedFunctionalGroupsSequence = Items([shared])
    ds.PerFrameFunctionalGroupsSequence = Items(
        [item("PlanePositionSequence", ImagePositionPatient=position(affine, k)) for k in order]
    )
    ds.NumberOfFrames = str(len(order))
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    frames = np.stack([data[:, :, k].T for k in order])
    ds.PixelData = np.ascontiguousarray(frames).astype("<i2").tobytes()
    ds["PixelData"].VR = "OW"
    save_dicom(ds, path)
    return path
