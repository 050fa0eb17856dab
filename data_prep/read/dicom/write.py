"""Writing DICOM: a Part 10 file the same way with pydicom 2.4 and 3."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.files import whole
from data_prep.read.dicom.file import EXPLICIT_LITTLE_ENDIAN

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def save_dicom(dataset: Dataset, path: Path, transfer_syntax: str = EXPLICIT_LITTLE_ENDIAN) -> None:
    """Write a Part 10 file (preamble, meta, explicit VR little endian) with pydicom 2.4 or 3.

    Raises:
        WriteError: the disk is full, read-only or forbidden; names the file.
    """
    import pydicom
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = pydicom.uid.UID(transfer_syntax)
    meta.ImplementationClassUID = pydicom.uid.PYDICOM_IMPLEMENTATION_UID
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    file = io.BytesIO()  # on a disk, pydicom would hide which error of the disk it met
    if int(pydicom.__version__.split(".")[0]) >= 3:
        dataset.save_as(file, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(file, write_like_original=False)
    with whole(path) as part:
        part.write_bytes(file.getvalue())
