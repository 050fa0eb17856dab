"""One radiograph, DICOM or PNG or JPEG, as a viewer shows it: float in [0, 1], bright = dense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_prep.errors import FilmError
from data_prep.film import choice
from data_prep.film.burned_in import annotation_flags
from data_prep.film.film import Film
from data_prep.film.options import FilmOptions
from data_prep.film.picture import read_picture
from data_prep.frame.turn import AS_IT_IS, Turn
from data_prep.privacy import facts as deidentify
from data_prep.read.content import is_picture
from data_prep.read.dicom.display import constant_image, display
from data_prep.read.dicom.file import (
    looks_like_dicom,
    quiet_pydicom,
    read_dataset,
    transfer_syntax_name,
)
from data_prep.read.dicom.header import (
    COMMA_NOTE,
    code_of,
    has_comma,
    numbers_of,
    of_frame,
    with_elements,
)
from data_prep.read.dicom.layout import Layout, layout, require_pixels
from data_prep.read.dicom.orientation import directions, to_upright
from data_prep.read.dicom.pixels import is_lossy, require_decodable, stored_frame
from data_prep.read.dicom.stored_values import digest, stored_values
from data_prep.read.dicom.terms import COLOUR_SPACES, FILMS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FEWEST_PIXELS = 16
WIDEST_ASPECT = 4.0  # of a pixel; detectors and scanners stay under 2, so more is a typing error
DECIMALS = (
    *("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"),
    *("PixelSpacing", "ImagerPixelSpacing"),
)
ASPECT_NOTE = f"pixel spacing with a ratio above {WIDEST_ASPECT:g}; not followed"


def read_film(source: Path | bytes, options: FilmOptions | None = None) -> Film:
    """The film of a file or its content, first frame; FilmError without any header value."""
    if not isinstance(source, bytes):
        path = Path(source)
        if not path.is_file():
            raise FilmError("no such file", remedy="Correct the table or the folder.")
        source = path.read_bytes()
    return next(films(source, options or FilmOptions()))


def is_film(data: bytes) -> bool:
    """Whether DICOM content is a radiograph by its Modality or SOP Class."""
    with quiet_pydicom():
        return is_radiograph(read_dataset(data))


def is_radiograph(header: Dataset) -> bool:
    """Whether a parsed data set is one."""
    return choice.modality(header) in FILMS


def films(data: bytes, options: FilmOptions, voi: bool = True) -> Iterator[Film]:
    """Yield the first frame, or each, as options.frames says; DICOM with or without preamble.

    voi: False for the output of the Modality LUT over its full range, before any window or VOI LUT,
    inverted where MONOCHROME1; facts["voi"] is "none" then. Raises FilmError; LeftOut: unwanted.
    """
    found = _picture(data) if is_picture(data[:16]) else _dicom_films(data, options, voi)
    while True:
        with quiet_pydicom():  # not across a yield: others would be silenced too
            film = next(found, None)
        if film is None:
            return
        yield film


def stored_picture(dataset: Dataset, index: int = 0) -> np.ndarray:
    """Return one frame of a parsed data set as a viewer shows it, in its own rows and columns.

    float32 (rows, columns) in [0, 1], bright = dense; not turned, cropped or resized. Any modality.
    Raises FilmError as `films` does: no pixels, not grey, no decoder, one grey level.
    """
    with quiet_pydicom():
        require_pixels(dataset)
        pixels = layout(dataset)
        _require_grey(dataset, pixels, FilmOptions(colour="equal"))
        require_decodable(dataset, pixels)
        return _frame(dataset, pixels, index, window=0, voi=True).image


def _picture(data: bytes) -> Iterator[Film]:
    film = read_picture(data)
    _require_size(*film.image.shape)
    if film.image.min() == film.image.max():
        raise constant_image()
    yield film


def _require_size(rows: int, columns: int) -> None:
    if min(rows, columns) < FEWEST_PIXELS:
        raise FilmError(
            f"too small to be a film: under {FEWEST_PIXELS} pixels a side",
            detail=f"{rows} x {columns}",
            remedy="Leave it out.",
        )


def _dicom_films(data: bytes, options: FilmOptions, voi: bool) -> Iterator[Film]:
    dataset = read_dataset(data)
    choice.require_modality(dataset, options)
    require_pixels(dataset)
    chosen = choice.require_wanted(dataset, options)
    pixels = layout(dataset)
    _require_grey(dataset, pixels, options)
    _require_size(pixels.rows, pixels.columns)
    notes = require_decodable(dataset, pixels)
    facts = deidentify.facts(dataset) | chosen
    commas = [COMMA_NOTE] if has_comma(dataset, DECIMALS) else []
    facts["notes"] = [*notes, *commas, *facts["notes"]]
    facts["transfer_syntax"] = transfer_syntax_name(dataset)
    facts["preamble"] = data[128:132] == b"DICM" and looks_like_dicom(data[:512])
    flags = tuple(annotation_flags(dataset))
    turn = _turn(dataset, options, facts["notes"])
    several = pixels.frames > 1
    if several and options.frames == "first":
        facts["notes"] = [f"first of {pixels.frames} frames", *facts["notes"]]
    for index in range(pixels.frames if options.frames == "each" else 1):
        film = _frame(dataset, pixels, index, options.window, voi)
        film.facts = facts | film.facts
        film.facts["notes"] = facts["notes"] + film.facts["notes"]
        if not film.facts["notes"]:
            del film.facts["notes"]
        film.frame = index if several else None
        film.flags, film.turn = flags, turn
        yield film


def _frame(dataset: Dataset, pixels: Layout, index: int, window: int, voi: bool) -> Film:
    notes: list[str] = []
    words, found = stored_frame(dataset, pixels, index, notes)
    header = of_frame(dataset, index)
    if pixels.samples > 1:
        words = _equal_channels(words) if words.ndim == 3 else words
        grey = {"PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1}
        header = with_elements(header, **grey)
    stored = stored_values(words, found, is_lossy(dataset))
    shown = display(header, stored, window, voi)
    spacing = _spacing(dataset, shown.notes)
    facts = {"voi": shown.voi, "notes": notes + shown.notes}
    return Film(shown.image, spacing, facts, shown.padding, digest(stored.integers()))


def _turn(dataset: Dataset, options: FilmOptions, notes: list[str]) -> Turn:
    """The turn that Patient Orientation asks for, if it is wanted; a note in any case."""
    turn, found = Turn(*to_upright(dataset)), directions(dataset)
    if turn == AS_IT_IS or found is None:
        return AS_IT_IS
    said = f"turned or mirrored by Patient Orientation {found[0]}\\{found[1]}"
    followed = options.orient == "header"
    notes.append(f"{said}; turned upright" if followed else f"{said}, which --orient header undoes")
    return turn if followed else AS_IT_IS


def _require_grey(dataset: Dataset, pixels: Layout, options: FilmOptions) -> None:
    """Photometric Interpretation (PS3.3 C.7.6.3.1.2): films are MONOCHROME1 or MONOCHROME2."""
    photometric = code_of(dataset, "PhotometricInterpretation")
    if pixels.samples > 1 and options.colour == "refuse":
        name = photometric if photometric in COLOUR_SPACES else "colour"
        raise FilmError(
            f"PhotometricInterpretation {name}: a screenshot?",
            remedy="Export the original film, or pass --colour equal for grey in colour files.",
        )
    if pixels.samples == 1 and photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise FilmError(
            "PhotometricInterpretation is not MONOCHROME1 or MONOCHROME2",
            remedy="Export the original film.",
        )


def _equal_channels(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W), where the three channels hold the same picture."""
    first = pixels[..., :1].astype(np.int64)
    if np.abs(pixels.astype(np.int64) - first).max() > 2:  # a lossy codec may part them by one
        raise FilmError("true colour: the channels differ", remedy="Export the original film.")
    return pixels[..., 0]


def _spacing(dataset: Dataset, notes: list[str]) -> tuple[float, float]:
    """Row and column spacing in mm (PS3.3 10.7.1.3), or the Pixel Aspect Ratio (C.7.6.3.1.7)."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        rows, columns = numbers_of(dataset, keyword, 2) or (0.0, 0.0)
        if not (rows > 0 and columns > 0):
            continue
        if 1 / WIDEST_ASPECT <= rows / columns <= WIDEST_ASPECT:
            return rows, columns
        if ASPECT_NOTE not in notes:
            notes.append(ASPECT_NOTE)
    return 1.0, 1.0
