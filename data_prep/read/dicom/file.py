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
from data_prep.read.pointers import pointer

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
NEW_SYNTAXES = {  # PS3.6 table A-1; pydicom 2.4 or 3 does not know them
    "1.2.840.10008.1.2.1.98": "Encapsulated Uncompressed Explicit VR Little Endian",
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.4.204": "JPIP HTJ2K Referenced",
    "1.2.840.10008.1.2.4.205": "JPIP HTJ2K Referenced Deflate",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
    "1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
    "1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 with RPCL Options Image Compression "
    "(Lossless Only)",
    "1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000 Image Compression",
}
READ_GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x0054, 0x2050)
PIXEL_DATA, OPEN_LENGTH = b"\xe0\x7f\x10\x00", b"\xff\xff\xff\xff"  # PS3.5 A.4
# gzip, bzip2, xz, Zstandard, 7-Zip, RAR, cabinet; tar has its mark at byte 257
OTHER_ARCHIVES = (
    *(b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
    *(b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"MSCF"),
)
PRIVATE, UNKNOWN = "a private transfer syntax", "unknown"
STANDARD = "1.2.840.10008."  # the root of all of DICOM's own UIDs (PS3.5 9)
NEWER, NO_SYNTAX = "one of the standard, but not known here", "the UID of something else"


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
            dataset: Dataset = pydicom.dcmread(BytesIO(plain), force=True)
            if "PixelData" not in dataset:
                dataset = _with_open_end(plain) or dataset
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


def _with_open_end(data: bytes) -> Dataset | None:
    """The data set of a file that ends inside its compressed pixel data, or None.

    pydicom gives up such files whole; what there is of the pixels is kept here as it stands.
    """
    import pydicom

    file = BytesIO(data)
    dataset = pydicom.dcmread(file, force=True, stop_before_pixels=True)
    start = file.tell()
    if data[start : start + 4] != PIXEL_DATA or data[start + 8 : start + 12] != OPEN_LENGTH:
        return None
    dataset.add_new("PixelData", "OB", data[start + 12 :])
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
    absent = pointer(head)
    if absent is not None:
        return FilmError(absent[0], remedy=absent[1])
    if is_text(head):
        return FilmError("a text file, not an image", remedy="Leave it out.")
    if head.startswith(OTHER_ARCHIVES) or head[257:262] == b"ustar":
        return FilmError(
            "an archive of another kind than zip", remedy="Unpack it and prepare the folder."
        )
    if STANDARD.encode() in head:
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


def is_text(head: bytes) -> bool:
    """True for the first bytes of a text in UTF-8."""
    if set(head) & set(range(9)):
        return False
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
    if name != str(uid):
        return name if getattr(uid, "type", "") == "Transfer Syntax" else NO_SYNTAX
    return NEW_SYNTAXES.get(str(uid), NEWER if uid.startswith(STANDARD) else PRIVATE)
