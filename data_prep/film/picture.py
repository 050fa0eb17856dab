"""A radiograph as PNG or JPEG: grey of 8 or 16 bit, or colour whose channels are equal."""

import re
import warnings
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from data_prep.datalist.pixels import incomplete
from data_prep.errors import FilmError
from data_prep.film.film import Film
from data_prep.frame.turn import AS_IT_IS, Turn
from data_prep.read.dicom.ending import (
    ends,
    ends_early,
    frame_header,
    is_jpeg,
    picture_pixels,
)
from data_prep.read.dicom.scans import missing
from data_prep.read.dicom.stored_values import digest

PILLOW_READS = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)  # DCT, without difference frames (T.81 B.1.1.3)
ICON = 64  # pixels; no film beside DICOM files is so small
TURNS = {  # EXIF Orientation: the edges of the picture that row 0 and column 0 are
    2: Turn(from_right=True),
    3: Turn(from_below=True, from_right=True),
    4: Turn(from_below=True),
    5: Turn(exchanged=True),
    6: Turn(exchanged=True, from_right=True),
    7: Turn(exchanged=True, from_below=True, from_right=True),
    8: Turn(exchanged=True, from_below=True),
}
TURNED_NOTE = "turned as its EXIF orientation says; maps, masks and boxes are of the turned picture"
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I")
DEEP_COLOUR = re.compile(rb"\x89PNG\r\n\x1a\n.{16}\x10[\x02\x04\x06]", re.DOTALL)  # IHDR: 16 bits
COLOUR_TOLERANCE = 8  # grey levels: colour JPEG of a grey film is not exactly grey


def read_picture(data: bytes) -> Film:
    """Content of a greyscale PNG or JPEG -> Film, bright = dense; FilmError: colour, too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
                kind, mode = str(picture.format), picture.mode
                _require_whole(data, picture)  # before its claim is believed
                levels, top = _grey(picture)
                turn = _turn(picture)
    except (FilmError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise FilmError(
            "the picture claims to be larger than any film", remedy="Leave it out."
        ) from None
    except Exception:  # Pillow raises many kinds on damaged files
        raise _unreadable(data) from None
    levels = turn(levels)
    image = levels.astype(np.float32) / np.float32(top)
    rows, columns = image.shape
    facts: dict[str, Any] = {"format": kind, "mode": mode, "rows": rows, "columns": columns}
    if turn != AS_IT_IS:
        facts["notes"] = [TURNED_NOTE]
    return Film(image, (1.0, 1.0), facts, digest=digest(levels))


def is_icon(data: bytes) -> bool:
    """True for a picture with a side of ICON pixels or fewer, by its header; False if damaged."""
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
            return min(picture.size) <= ICON
    except Exception:  # Pillow raises many kinds; the reason comes when it is read
        return False


def read_mask_picture(data: bytes) -> np.ndarray:
    """bool (H, W): true where any colour of the picture is not black, and nothing shines through.

    A JPEG has values above 0 around its edges too: there what is above half the brightest counts.
    """
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
            _require_whole(data, picture)
            deep = picture.mode in DEEP_MODES
            pixels = np.asarray(picture if deep else picture.convert("RGB"))
            clear = None
            if picture.has_transparency_data:
                clear = np.asarray(picture.convert("RGBA"))[:, :, 3] == 0
            turn = _turn(picture)
    except (FilmError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise FilmError("the mask cannot be decoded", remedy="Draw or copy it again.") from None
    inside = pixels > (pixels.max() / 2 if is_jpeg(data) else 0)
    inside = inside if inside.ndim == 2 else np.logical_or.reduce(inside, axis=2)
    return turn(inside if clear is None else inside & ~clear)


def _turn(picture: Image.Image) -> Turn:
    """What EXIF Orientation (JEITA CP-3451, 0x0112) asks a viewer to do; a broken one: nothing."""
    try:
        return TURNS.get(int(picture.getexif().get(0x0112, 1)), AS_IT_IS)
    except MemoryError:
        raise
    except Exception:  # Pillow raises many kinds on broken EXIF
        return AS_IT_IS


def _require_whole(data: bytes, picture: Image.Image) -> None:
    """Raise where a picture ends early, or a checksum differs: Pillow fills in what is missing; and
    where Pillow would drop the lower half of its bits.
    """
    if DEEP_COLOUR.match(data):
        raise FilmError(
            "a PNG of 16 bits with colours or transparency",
            remedy="Save it as greyscale of 16 bits without transparency.",
        )
    if is_jpeg(data):
        whole = ends(data) and missing(data) is None
        whole = whole and not ends_early(data, np.asarray(picture), picture_pixels)
    else:
        whole = not incomplete(data)
    if not whole:
        raise _damaged()


def _unreadable(data: bytes) -> FilmError:
    """The reason why Pillow gave up: a kind of JPEG that it cannot decode, or damage."""
    header = frame_header(data) if is_jpeg(data) else None
    if header is None or (header[1] == 8 and header[0] in PILLOW_READS):
        return _damaged()
    what = f"of {header[1]} bits" if header[1] != 8 else "in a lossless or another rare kind"
    return FilmError(
        f"a JPEG {what}: not read outside DICOM",
        remedy="Export the film as DICOM, or as PNG of 16 bits.",
    )


def _damaged() -> FilmError:
    return FilmError("the picture cannot be decoded: truncated or damaged", remedy="Copy it again.")


def _grey(picture: Image.Image) -> tuple[np.ndarray, int]:
    """(whole numbers (H, W), the one that is white)."""
    if picture.mode in DEEP_MODES:
        return np.asarray(picture), 65535
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L")), 255
    if picture.mode in ("LA", "La"):
        return np.asarray(picture.getchannel("L")), 255
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    red, green, blue = (pixels[..., k] for k in range(3))  # pair by pair: ten times the speed
    highest, lowest = (pair(pair(red, green), blue) for pair in (np.maximum, np.minimum))
    spread = (highest - lowest).max()
    if spread > COLOUR_TOLERANCE:
        raise FilmError(
            "true colour picture: a screenshot or a photograph?", remedy="Export the original film."
        )
    return (pixels[..., 0], 255) if spread == 0 else (pixels.sum(axis=2), 765)
