"""How the pixels of a DICOM film lie in its file, checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.errors import FilmError
from data_prep.read.dicom.file import unfinished_header
from data_prep.read.dicom.header import code_of, count_of
from data_prep.read.dicom.terms import MODALITY_WORDS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# 16384 x 16384 pixels of 16 bit, three times the largest film (43 cm at 0.05 mm are 8600 pixels).
LARGEST_FRAME = 2**29
DEPTHS = (1, 8, 16, 32)  # Bits Allocated of integers (PS3.5 8.1.1)
ORIGINAL = "Export it again from the archive."
PAD_NOTE = "the last byte of the file, which belongs to no pixel, is missing"
OPEN_LENGTH = 0xFFFFFFFF  # PS3.5 7.1.1: the value ends with a delimiter
LONGER_NOTE = "the pixel data are longer than the image; the rest was not read"
IMAGE_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True)
class Layout:
    """The Image Pixel Module (PS3.3 C.7.6.3). shift: High Bit + 1 - Bits Stored, the number of
    bits below the value (PS3.5 8.1.1); signed: Pixel Representation 1, two's complement.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    shift: int
    signed: bool

    @property
    def frame_bits(self) -> int:
        """Bits of the samples of one frame."""
        return self.rows * self.columns * self.samples * self.bits_allocated


def layout(dataset: Dataset) -> Layout:
    """Rows, columns, samples, bits by the header; FilmError: no pixels, bad or too large size."""
    require_pixels(dataset)
    allocated = count_of(dataset, "BitsAllocated")
    stored = count_of(dataset, "BitsStored", allocated)
    _require_bits(allocated, stored)
    stored = stored or allocated
    high = count_of(dataset, "HighBit", stored - 1)
    found = Layout(
        rows=count_of(dataset, "Rows"),
        columns=count_of(dataset, "Columns"),
        samples=count_of(dataset, "SamplesPerPixel", 1) or 1,
        frames=count_of(dataset, "NumberOfFrames", 1) or 1,
        bits_allocated=allocated,
        bits_stored=stored,
        shift=high + 1 - stored if stored - 1 <= high < allocated else 0,
        signed=count_of(dataset, "PixelRepresentation", 0) == 1,
    )
    if found.frame_bits > 8 * LARGEST_FRAME:
        raise too_large(found.rows, found.columns)
    return found


def _require_bits(allocated: int, stored: int) -> None:
    if allocated not in DEPTHS:
        raise FilmError(
            "unsupported depth of pixels", detail=f"{allocated} bits allocated", remedy=ORIGINAL
        )
    if stored > allocated:
        raise FilmError(
            "broken DICOM header: more bits stored than allocated",
            detail=f"{stored} of {allocated}",
            remedy=ORIGINAL,
        )


def require_pixels(dataset: Dataset) -> None:
    """Raises FilmError where there is no integer pixel data, or nothing that lays it out."""
    if "PixelData" in dataset:
        wanted = ("Rows", "Columns", "BitsAllocated")
        missing = [keyword for keyword in wanted if not dataset.get(keyword)]
        if missing:
            raise FilmError(
                "incomplete DICOM header: the image cannot be laid out",
                detail=f"no {', '.join(missing)}",
                remedy="Export it again.",
            )
        return
    if any(keyword in dataset for keyword in IMAGE_KEYWORDS):
        raise FilmError("floating-point pixel data, which are not read", remedy="Leave it out.")
    if not dataset.get("Rows"):
        meta = getattr(dataset, "file_meta", None) or {}
        kinds = dataset.get("SOPClassUID"), meta.get("MediaStorageSOPClassUID")
        if any("Image Storage" in getattr(kind, "name", "") for kind in kinds):
            raise unfinished_header()  # an image object that stops before it comes to its size
        word = MODALITY_WORDS.get(code_of(dataset, "Modality"))
        kind = word or "not an image object"
        raise FilmError(f"no pixel data: {kind}", remedy="Not a film: leave it out.")
    raise FilmError("pixel data is missing", remedy="Export it again, with images.")


def native_data(dataset: Dataset) -> tuple[bytes, int]:
    """Return Pixel Data and the length that its element has; FilmError: there is no such element.

    The length is OPEN_LENGTH where a delimiter ends the data.
    """
    try:
        element = dataset.get_item("PixelData")
        data = element.value or b""
        return data, getattr(element, "length", len(data))
    except Exception:  # pydicom converts it, and its VR may be broken
        raise FilmError(
            "broken DICOM header: the pixel data cannot be found", remedy="Export it again."
        ) from None


def stored_bits(dataset: Dataset, layout: Layout) -> int:
    """Bits of one frame in native pixel data, of YBR_FULL_422 fewer than it has samples."""
    if code_of(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        return layout.frame_bits * 2 // 3  # two of three samples are shared (PS3.3 C.7.6.3.1.2)
    return layout.frame_bits


def require_whole(dataset: Dataset, layout: Layout) -> list[str]:
    """Native pixel data must have the bytes that its header promises (PS3.5 8.1.1).

    The byte that pads them to an even length (PS3.5 8.1.1) belongs to no pixel: where it is missing
    a note is returned.
    """
    data, promised = native_data(dataset)
    found = len(data)
    needed = (stored_bits(dataset, layout) * layout.frames + 7) // 8
    padded = needed % 2 == 1 and (found, promised) == (needed, needed + 1)
    if found < promised and not padded:
        raise truncated(f"{found:,} of {promised:,} pixel bytes")
    if found < needed:
        shape = layout.rows, layout.columns
        raise mismatch(shape, f"{needed:,} bytes needed, {found:,} present")
    longer = [LONGER_NOTE] if found > needed + 1 else []
    return [PAD_NOTE] if padded else longer


def truncated(detail: str) -> FilmError:
    """The reason where the pixel data stop before the last pixel."""
    return FilmError(
        "truncated: the file ends inside the pixel data",
        detail=detail,
        remedy="Copy or export it again.",
    )


def mismatch(shape: tuple[int, int], detail: str) -> FilmError:
    """The reason where header and pixel data contradict each other."""
    return FilmError(
        "rows and columns do not match the pixel data",
        detail=f"{shape[0]} x {shape[1]} in the header, {detail}",
        remedy=ORIGINAL,
    )


def too_large(rows: int, columns: int) -> FilmError:
    """The reason for a gigapixel header."""
    return FilmError(
        "the image claims to be larger than any film",
        detail=f"{rows:,} x {columns:,} pixels, over {LARGEST_FRAME // 2**20} MiB a frame",
        remedy="Leave it out, or export it again.",
    )
