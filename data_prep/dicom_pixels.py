"""The stored pixel values of a DICOM film, checked against its header before they are decoded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_prep.dicom_file import (
    MODALITY_WORDS,
    PRIVATE,
    UNKNOWN,
    FilmError,
    quiet_pydicom,
    transfer_syntax_name,
    unfinished_header,
)
from data_prep.dicom_write import save_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DECODERS = "pip install pylibjpeg-openjpeg pylibjpeg-rle pyjpegls python-gdcm"
NATIVE = tuple(f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".1.99"))  # PS3.5 A.1-A.5
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
VIDEO = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7")  # MPEG-2, MPEG-4, HEVC; SMPTE ST 2110


def stored_pixels(dataset: Dataset) -> np.ndarray:
    """Stored values of the first frame, integers, (H, W) or (H, W, 3); before any LUT.

    Raises FilmError: no pixel data, truncated, rows and columns that do not fit, no decoder.
    """
    _require_pixels(dataset)
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if str(syntax).startswith(VIDEO):
        raise FilmError(
            f"unsupported transfer syntax: {transfer_syntax_name(dataset)}",
            remedy="This is a video. Export single films.",
        )
    if str(syntax) in NATIVE:
        _require_whole(dataset)
    with quiet_pydicom():
        pixels = _decode(dataset)
    colour = int(dataset.get("SamplesPerPixel") or 1) > 1
    if pixels.ndim > (3 if colour else 2):
        pixels = pixels[0]
    expected = (int(dataset.Rows), int(dataset.Columns))
    if pixels.shape[:2] != expected:
        raise _mismatch(expected, f"the decoded image is {pixels.shape[0]} x {pixels.shape[1]}")
    return pixels


def _require_pixels(dataset: Dataset) -> None:
    if any(key in dataset for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        if "PixelData" not in dataset:
            raise FilmError("floating-point pixel data: not a film", remedy="Leave it out.")
        missing = [k for k in ("Rows", "Columns", "BitsAllocated") if not dataset.get(k)]
        if missing:
            raise FilmError(
                "incomplete DICOM header: the image cannot be laid out",
                detail=f"no {', '.join(missing)}",
                remedy="Export it again.",
            )
        return
    word = MODALITY_WORDS.get(str(dataset.get("Modality", "")))
    if word:
        raise FilmError(f"no pixel data: {word}", remedy="Not a film: leave it out.")
    if not dataset.get("Rows"):
        kinds = dataset.get("SOPClassUID"), dataset.file_meta.get("MediaStorageSOPClassUID")
        if any("Image Storage" in getattr(kind, "name", "") for kind in kinds):
            raise unfinished_header()  # an image object that stops before it comes to its size
        raise FilmError("no pixel data: not an image object", remedy="Leave it out.")
    raise FilmError("pixel data is missing", remedy="Export it again, with images.")


def _require_whole(dataset: Dataset) -> None:
    """Native pixel data must have the bytes its header promises (PS3.5 8.1.1)."""
    element = dataset.get_item("PixelData")
    promised, found = getattr(element, "length", None), len(element.value or b"")
    if promised not in (None, 0xFFFFFFFF) and found < promised:
        raise FilmError(
            "truncated: the file ends inside the pixel data",
            detail=f"{found:,} of {promised:,} pixel bytes",
            remedy="Copy or export it again.",
        )
    try:
        frames = max(1, int(dataset.get("NumberOfFrames") or 1))
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples = int(dataset.get("SamplesPerPixel") or 1)
        bits = int(dataset.BitsAllocated)
    except (TypeError, ValueError):
        raise FilmError("broken DICOM header: image size is not a number") from None
    subsampled = str(dataset.get("PhotometricInterpretation", "")) == "YBR_FULL_422"
    needed = rows * columns * (2 if subsampled else samples) * frames * bits // 8
    if found < needed:
        raise _mismatch((rows, columns), f"{needed:,} bytes needed, {found:,} present")


def _mismatch(shape: tuple[int, int], detail: str) -> FilmError:
    return FilmError(
        "rows and columns do not match the pixel data",
        detail=f"{shape[0]} x {shape[1]} in the header, {detail}",
        remedy="Export it again from the archive.",
    )


def _decode(dataset: Dataset) -> np.ndarray:
    syntax, name = dataset.file_meta.get("TransferSyntaxUID"), transfer_syntax_name(dataset)
    try:
        if str(syntax) == JPEG_EXTENDED and int(dataset.BitsAllocated) > 8:
            return _simpleitk_pixels(dataset)  # no free pydicom plug-in decodes 12 bit
        return _first_frame(dataset)
    except ImportError:
        raise FilmError(
            f"compressed pixel data needs a decoder: {name}", remedy="pip install SimpleITK"
        ) from None
    except Exception as error:  # plug-ins raise many kinds; their texts may quote the header
        lacking = isinstance(error, NotImplementedError) or "missing" in str(error).lower()
    if lacking and name in (PRIVATE, UNKNOWN):
        raise FilmError(f"unsupported transfer syntax: {name}", remedy="Export it uncompressed.")
    if lacking:
        raise FilmError(f"compressed pixel data needs a decoder: {name}", remedy=DECODERS)
    raise FilmError(
        "pixel data cannot be decoded", detail=name, remedy="Export it again, uncompressed."
    )


def _first_frame(dataset: Dataset) -> np.ndarray:
    try:
        from pydicom.pixels import pixel_array  # pydicom 3: one frame without decoding all
    except ImportError:
        return dataset.pixel_array
    return pixel_array(dataset, index=0)


def _simpleitk_pixels(dataset: Dataset) -> np.ndarray:
    """Stored values through a bare copy of the image, in a private temporary file.

    Given the original, SimpleITK would apply slope and intercept and invert MONOCHROME1 unasked.
    """
    import SimpleITK as sitk
    from pydicom.dataset import Dataset as EmptyDataset

    bare = EmptyDataset()
    bare.SOPClassUID, bare.SOPInstanceUID = SECONDARY_CAPTURE, "1.2.3"
    bare.Rows, bare.Columns, bare.BitsAllocated = dataset.Rows, dataset.Columns, 16
    bare.BitsStored, bare.HighBit = 12, 11  # the codec's: fewer would wrap lossy overshoot around
    bare.SamplesPerPixel, bare.PhotometricInterpretation = 1, "MONOCHROME2"
    bare.PixelRepresentation = int(dataset.get("PixelRepresentation") or 0)
    bare["PixelData"] = dataset["PixelData"]
    quiet = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.dcm"
            save_dicom(bare, path, JPEG_EXTENDED)
            values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))  # (1, H, W)
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(quiet)
    stored = int(dataset.get("BitsStored") or 12)
    return np.asarray(values)[0] if bare.PixelRepresentation else values[0].clip(0, 2**stored - 1)
