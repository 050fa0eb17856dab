"""Films and stacks of slices as an archive has them, and what a model may find in them."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from dicom_heads import write_multi_frame, write_stack
from planted import PLANTED
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag

COMPUTED, DIGITAL = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
WEIGHTS = "0123456789abcdef" * 4
FACTS: dict[str, Any] = {
    "score": 0.0362,
    "weights_sha256": WEIGHTS,
    "version": "0.1.0",
    "score_threshold": 0.05,
    "score_policy": "a healthy case gives a false alarm with a chance of at most 0.05",
    "map_threshold": 0.2,
    "map_source": "quantile 0.99 of healthy pixels",
    "when": datetime(2026, 1, 2, 3, 4, 5),
}


def film_source(shape: tuple[int, int] = (96, 80), **header: Any) -> Dataset:
    """A film of a grey ramp; a value None removes the attribute."""
    one = Dataset()
    one.SOPClassUID = COMPUTED
    one.StudyInstanceUID, one.SeriesInstanceUID = "1.2.3.1", "1.2.3.2"
    one.SOPInstanceUID = "1.2.3.4"
    one.PatientName, one.PatientID = f"{PLANTED[0]}^{PLANTED[1]}", PLANTED[2]
    one.PatientBirthDate, one.PatientSex, one.AccessionNumber = PLANTED[4], "F", PLANTED[3]
    one.StudyDate, one.StudyTime, one.StudyID = "20240131", "101112", "7"
    one.ReferringPhysicianName = ""
    one.Modality, one.BodyPartExamined, one.SeriesNumber = "CR", "CHEST", 3
    one.PatientOrientation = ["L", "F"]
    one.Rows, one.Columns = shape
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in header.items():
        if value is None:
            one.pop(keyword, None)
        else:
            setattr(one, keyword, value)
    ramp = np.linspace(0, 4095, shape[0] * shape[1]).reshape(shape)
    one.PixelData = ramp.astype("<u2").tobytes()
    one["PixelData"].VR = "OW"
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return one


def with_raw(source: Dataset, **texts: bytes) -> Dataset:
    """The film as it comes from a file that holds these bytes, whatever they are."""
    for keyword, text in texts.items():
        tag = Tag(keyword)
        source[tag] = RawDataElement(tag, dictionary_VR(tag), len(text), text, 0, False, True)
    return source


def slices(folder: Path, data: np.ndarray, affine: np.ndarray, **header: Any) -> list[Dataset]:
    """The slices of int16 (column, row, slice) in the order of the third axis."""
    write_stack(folder, data, affine, FrameOfReferenceUID="1.2.3.9", **header)
    found = [dcmread(path) for path in folder.glob("*.dcm")]
    return sorted(found, key=lambda one: int(one.InstanceNumber))


def multi_frame(
    path: Path, data: np.ndarray, affine: np.ndarray, order: Sequence[int] | None = None
) -> Dataset:
    """One Enhanced MR image of int16 (column, row, slice)."""
    return dcmread(write_multi_frame(path, data, affine, order=order))


def corner(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(difference, marked): a faint slope, and 3 x 5 pixels in the upper right corner of all."""
    difference = np.zeros(shape, np.float32)
    difference += np.linspace(0, 0.1, shape[-1], dtype=np.float32)
    difference[..., :3, -5:] = 0.4
    return difference, difference >= 0.2
