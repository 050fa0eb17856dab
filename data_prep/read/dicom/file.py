"""One DICOM file -> its data set, or a reason in the standard's own terms, no header value."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from data_prep.errors import FilmError
from data_prep.read.dicom.deflated import DEFLATED, InflateError, inflate

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
NEW_SYNTAXES = {  # PS3.6 table A-1; pydicom 2.4 does not know them
    "1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
    "1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 with RPCL Options Image Compression "
    "(Lossless Only)",
    "1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000 Image Compression",
}
READ_GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x0054, 0x2050)
PRIVATE, UNKNOWN = "a private transfer syntax", "unknown"


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """pydicom's warnings and log lines quote header values, so none gets out."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def looks_like_dicom(head: bytes) -> bool:
    """True for Part 10 files and bare data sets (group 0002 or 0008, VR or plausible length)."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08"):
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    return explicit or int.from_bytes(head[4:8], "little") < 2**16


def read_dataset(data: bytes) -> Dataset:
    """Parse a whole file; inflate it within bounds first, fill in a missing transfer syntax.

    Raises FilmError: empty, a text, not DICOM, broken or unfinished header, a deflate bomb.
    """
    import pydicom

    if not data:
        raise FilmError("empty file", remedy="Export it again.")
    head = bytes(data[:512])
    if not looks_like_dicom(head):
        raise not_an_image(head)
    try:
        plain, deflated = inflate(data)
    except InflateError as error:
        raise FilmError(error.reason, detail=error.detail, remedy=error.remedy) from None
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(BytesIO(plain), force=True)
            _convert(dataset)
            if "PixelData" in dataset:
                _fill_transfer_syntax(dataset)
            if deflated:
                dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(DEFLATED.decode())
    except MemoryError:
        raise
    except Exception:  # pydicom raises many kinds on broken files, with header values in them
        raise FilmError(
            "broken DICOM header: it cannot be parsed", remedy="Export it again from the archive."
        ) from None
    if len(dataset) == 0:
        raise unfinished_header()
    return dataset


def _convert(dataset: Dataset) -> None:
    """Convert all that a film needs; a broken element of group 0028 raises, another is absent."""
    for element in list(getattr(dataset, "file_meta", None) or ()):
        str(element.value)
    for tag in list(dataset.keys()):
        if tag.group % 2 or tag.group not in READ_GROUPS:
            continue
        try:
            dataset[tag]
        except MemoryError:
            raise
        except Exception:
            if tag.group == 0x0028:
                raise
            del dataset[tag]


def not_an_image(head: bytes) -> FilmError:
    """The reason for a file that is neither DICOM nor a picture."""
    text = not set(head) & set(range(9)) and b"\x00" not in head
    if text and _is_printable(head):
        return FilmError("a text file, not an image", remedy="Leave it out.")
    if b"1.2.840.10008." in head:  # the root of all of DICOM's own UIDs (PS3.5 9)
        return FilmError(
            "damaged DICOM file: its beginning is broken", remedy="Copy or export it again."
        )
    return FilmError(
        "not an image: neither DICOM, PNG nor JPEG", remedy="Leave it out or convert it."
    )


def unfinished_header() -> FilmError:
    """The reason for a DICOM file that stops before its image is described."""
    return FilmError(
        "unfinished DICOM header: the file ends inside it", remedy="Copy or export it again."
    )


def _is_printable(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a letter cut in two at the end of what was read
    return True


def _fill_transfer_syntax(dataset: Dataset) -> None:
    """Bare data sets name no transfer syntax: take the encoding that parsed (PS3.5 A.1, A.2)."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = getattr(dataset, "original_encoding", (None, None))
    if implicit is None:
        implicit, little = dataset.is_implicit_VR, dataset.is_little_endian
    name = IMPLICIT_LITTLE_ENDIAN if implicit else EXPLICIT_LITTLE_ENDIAN
    dataset.file_meta.TransferSyntaxUID = UID(name if little else EXPLICIT_BIG_ENDIAN)


def transfer_syntax_name(dataset: Dataset) -> str:
    """The standard's own name (PS3.6 A), never the UID itself."""
    uid = dataset.file_meta.get("TransferSyntaxUID")
    if not isinstance(uid, str):  # absent, or several
        return UNKNOWN
    name = getattr(uid, "name", str(uid))
    return name if name != str(uid) else NEW_SYNTAXES.get(str(uid), PRIVATE)
