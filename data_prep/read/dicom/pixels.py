"""One frame of a DICOM film as it is stored; nothing is decoded before its size is known."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.errors import FilmError
from data_prep.read.dicom import run_length
from data_prep.read.dicom.codestream import codestream, without_jp2
from data_prep.read.dicom.depth import as_coded, values_layout
from data_prep.read.dicom.ending import ends, ends_early, is_jpeg, picture_pixels
from data_prep.read.dicom.file import (
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    quiet_pydicom,
    transfer_syntax_name,
)
from data_prep.read.dicom.fragments import frame_bytes, require_native
from data_prep.read.dicom.header import code_of
from data_prep.read.dicom.layout import (
    LARGEST_FRAME,
    Layout,
    mismatch,
    require_whole,
    stored_bits,
    too_large,
    truncated,
)
from data_prep.read.dicom.scans import missing
from data_prep.read.dicom.write import save_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Of several decoders pydicom takes the first; these give more films an hour where every core has
# a film of its own (benchmarks/prep_films.py): gdcm parts one JPEG 2000 film over all cores.
FASTEST = {
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
}
DECODERS = "pip install pylibjpeg-openjpeg pylibjpeg-rle pyjpegls python-gdcm SimpleITK"
NATIVE = tuple(f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".1.99"))  # PS3.5 A.1-A.5
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
COSINE = ("1.2.840.10008.1.2.4.50", JPEG_EXTENDED)
UNCOMPRESSED_FRAMES = "1.2.840.10008.1.2.1.98"  # PS3.5 A.4.11
RLE = "1.2.840.10008.1.2.5"
HTJ2K = tuple(f"1.2.840.10008.1.2.4.{end}" for end in ("201", "202", "203"))  # PS3.5 A.4.9
LOSSY = tuple(f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "81", "91", "93", "203"))
# JPEG baseline, extended, lossless; JPEG-LS; JPEG 2000
CODED = tuple(f"1.2.840.10008.1.2.4.{end}" for end in (50, 51, 57, 70, 80, 81, 90, 91))
READ = (*NATIVE, UNCOMPRESSED_FRAMES, RLE, *CODED, *HTJ2K)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
VIDEO = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7")  # MPEG-2, MPEG-4, HEVC; SMPTE ST 2110
PIXEL_KEYWORDS = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)


def require_decodable(dataset: Dataset, layout: Layout) -> list[str]:
    """Return notes on native pixel data; FilmError: a syntax nobody decodes, data not whole."""
    syntax = _syntax(dataset)
    if syntax.startswith(VIDEO):
        raise _unsupported(dataset, "This is a video. Export single films.")
    if syntax in NATIVE:
        require_native(dataset, layout)
        return require_whole(dataset, layout)
    if syntax not in READ:
        raise _unsupported(dataset, "Export it again, uncompressed.")
    return []


def _unsupported(dataset: Dataset, remedy: str) -> FilmError:
    name = transfer_syntax_name(dataset)
    return FilmError(f"unsupported transfer syntax: {name}", remedy=remedy)


def stored_frame(
    dataset: Dataset, layout: Layout, index: int = 0, notes: list[str] | None = None
) -> tuple[np.ndarray, Layout]:
    """Return the stored words of one frame, before any LUT, and the layout that they have.

    Words are integers (H, W), or (H, W, 3) in colour, and may hold bits above Bits Stored. What was
    not followed is added to ``notes``. Raises FilmError: no decoder, broken, not the header's size.
    """
    with quiet_pydicom():
        pixels, layout = _decode(dataset, layout, index, [] if notes is None else notes)
    expected = (layout.rows, layout.columns)
    if pixels.shape[:2] != expected:
        raise mismatch(expected, f"the decoded image is {pixels.shape[0]} x {pixels.shape[1]}")
    return pixels, layout


def is_lossy(dataset: Dataset) -> bool:
    """True if the codec may leave the range of Bits Stored (PS3.5 8.2): no overlay bits there."""
    return _syntax(dataset) in LOSSY


def _syntax(dataset: Dataset) -> str:
    return str(dataset.file_meta.get("TransferSyntaxUID"))


def _decode(
    dataset: Dataset, layout: Layout, index: int, notes: list[str]
) -> tuple[np.ndarray, Layout]:
    name = transfer_syntax_name(dataset)
    try:
        if _syntax(dataset) in NATIVE:
            return _native(dataset, layout, dataset.PixelData, index), layout
        return _encapsulated(dataset, layout, index, notes)
    except (FilmError, MemoryError):
        raise
    except ImportError:
        lacking = True
    except Exception as error:  # plug-ins raise many kinds; their texts may quote the header
        lacking = isinstance(error, NotImplementedError) or "missing" in str(error).lower()
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of a decoder in Rust (pylibjpeg-rle)
            raise
        lacking = False
    if lacking:
        raise FilmError(f"compressed pixel data needs a decoder: {name}", remedy=DECODERS)
    raise FilmError(
        "pixel data cannot be decoded", detail=name, remedy="Export it again, uncompressed."
    )


def _native(dataset: Dataset, layout: Layout, data: bytes, index: int) -> np.ndarray:
    """PS3.5 8.1.1: words of Bits Allocated, one after the other; 1 bit lowest first (8.1.1)."""
    bits, count = layout.bits_allocated, layout.rows * layout.columns
    first = index * layout.frame_bits
    if layout.samples > 1:
        size = stored_bits(dataset, layout) // 8
        return _pydicom_pixels(dataset, layout, data[index * size :][:size])
    if bits == 1:
        packed = np.frombuffer(data, np.uint8)[first // 8 : (first + count) // 8 + 1]
        unpacked = np.unpackbits(packed, bitorder="little")[first % 8 :]
        return unpacked[:count].reshape(layout.rows, layout.columns)
    big = _syntax(dataset) == EXPLICIT_BIG_ENDIAN
    if big and bits == 8 and dataset["PixelData"].VR == "OW":  # bytes in swapped pairs (PS3.5 7.3)
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    words = np.frombuffer(data, f"{'>' if big else '<'}u{bits // 8}", count, first // 8)
    return words.reshape(layout.rows, layout.columns)


def _encapsulated(
    dataset: Dataset, layout: Layout, index: int, notes: list[str]
) -> tuple[np.ndarray, Layout]:
    """The frame's own codestream (PS3.5 A.4); size and end are looked at before it is decoded."""
    frame, cut = frame_bytes(dataset, layout.frames, index, notes)
    if _syntax(dataset) == UNCOMPRESSED_FRAMES:
        if 8 * len(frame) < layout.frame_bits:
            raise truncated(f"{len(frame):,} of {layout.frame_bits // 8:,} bytes of a frame")
        return _native(dataset, layout, frame, 0), layout
    frame = without_jp2(frame)
    coded = codestream(frame)
    if coded is not None and (coded.rows, coded.columns) != (layout.rows, layout.columns):
        if coded.rows * coded.columns > LARGEST_FRAME:
            raise too_large(coded.rows, coded.columns)
        raise mismatch(
            (layout.rows, layout.columns),
            f"the compressed image is {coded.rows} x {coded.columns}",
        )
    if not ends(frame) or (cut and coded is None):
        raise truncated("the compressed image has no end mark")
    lost = missing(frame) if is_jpeg(frame) else None
    if lost is not None:
        raise truncated(f"the compressed image has an end mark, but {lost} are missing")
    if coded is None and _syntax(dataset) == RLE:
        coded = run_length.header(frame, layout)
    words = layout if coded is None else as_coded(layout, coded)
    pixels = _coded(dataset, words, frame)
    if _ends_early(dataset, words, frame, pixels):
        raise truncated("the compressed image has an end mark, but no data for its last pixels")
    if coded is None or pixels.ndim > 2:
        return pixels, words
    return values_layout(dataset, layout, coded, pixels, notes)


def _coded(dataset: Dataset, layout: Layout, frame: bytes) -> np.ndarray:
    from pydicom.encaps import encapsulate

    if _syntax(dataset) in COSINE and layout.bits_allocated > 8:
        return _simpleitk_pixels(frame, layout)  # no free pydicom plug-in decodes 12 bit
    if _syntax(dataset) in HTJ2K:
        import openjpeg  # pydicom 2.4 does not know the syntax

        return openjpeg.decode(BytesIO(frame))
    if _syntax(dataset) == RLE and layout.samples == 1:
        return run_length.grey(frame, layout)
    return _pydicom_pixels(dataset, layout, encapsulate([frame]))


def _ends_early(dataset: Dataset, layout: Layout, frame: bytes, pixels: np.ndarray) -> bool:
    """Ask Pillow where it can read the frame: GDCM's decoder prints that there is noise."""
    try:
        shown = picture_pixels(frame)
    except Exception:  # lossless, 12 bits, or no JPEG
        return ends_early(frame, pixels, partial(_coded, dataset, layout))
    return ends_early(frame, shown, picture_pixels)


def _pydicom_pixels(dataset: Dataset, layout: Layout, data: bytes) -> np.ndarray:
    """pydicom's decoders on a bare copy of the header that has this frame alone."""
    from pydicom.dataset import Dataset as EmptyDataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    bare = EmptyDataset()
    for keyword in PIXEL_KEYWORDS:
        if keyword in dataset:
            setattr(bare, keyword, dataset.get(keyword))
    bare.PhotometricInterpretation = code_of(dataset, "PhotometricInterpretation")
    if layout.samples == 1:
        bare.SamplesPerPixel, bare.PhotometricInterpretation = 1, "MONOCHROME2"
    bare.BitsAllocated, bare.BitsStored = layout.bits_allocated, layout.bits_stored
    bare.NumberOfFrames = 1
    bare.HighBit, bare.PixelRepresentation = layout.bits_stored - 1, int(layout.signed)
    bare.add_new("PixelData", "OB" if layout.bits_allocated == 8 else "OW", data)
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    if _syntax(dataset) == UNCOMPRESSED_FRAMES:
        bare.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE_ENDIAN)
    colour = layout.samples > 1
    try:
        from pydicom.pixels import pixel_array
    except ImportError:  # pydicom 2.4
        return _pydicom_2_pixels(bare, colour)
    options: dict[str, Any] = {} if colour else {"raw": True, "correct_unused_bits": False}
    plugin = FASTEST.get(_syntax(bare))
    if plugin is not None:
        with suppress(Exception):  # it is missing, or cannot do this one; others may
            return pixel_array(bare, decoding_plugin=plugin, **options)
    return pixel_array(bare, **options)


def _pydicom_2_pixels(bare: Dataset, colour: bool) -> np.ndarray:
    from pydicom.pixel_data_handlers import convert_color_space

    bare.is_little_endian = _syntax(bare) != EXPLICIT_BIG_ENDIAN
    bare.is_implicit_VR = False
    pixels = bare.pixel_array
    name = str(bare.PhotometricInterpretation)
    return convert_color_space(pixels, name, "RGB") if colour and "FULL" in name else pixels


def _simpleitk_pixels(frame: bytes, layout: Layout) -> np.ndarray:
    """Decode a bare copy of the image: SimpleITK would apply the slope and invert MONOCHROME1."""
    import SimpleITK as sitk
    from pydicom.dataset import Dataset as EmptyDataset
    from pydicom.encaps import encapsulate

    bare = EmptyDataset()
    bare.SOPClassUID, bare.SOPInstanceUID = SECONDARY_CAPTURE, "1.2.3"
    bare.Rows, bare.Columns, bare.BitsAllocated = layout.rows, layout.columns, 16
    bare.BitsStored, bare.HighBit = 12, 11  # the codec's: fewer would wrap lossy overshoot around
    bare.SamplesPerPixel, bare.PhotometricInterpretation = 1, "MONOCHROME2"
    bare.PixelRepresentation = int(layout.signed)
    bare.add_new("PixelData", "OB", encapsulate([frame]))
    bare["PixelData"].is_undefined_length = True
    quiet = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.dcm"
            save_dicom(bare, path, JPEG_EXTENDED)
            values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]  # (1, H, W)
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(quiet)
    return np.asarray(values).astype(np.int16 if layout.signed else np.uint16)
