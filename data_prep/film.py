"""One radiograph, DICOM or PNG or JPEG, as a viewer shows it: float in [0, 1], bright = dense."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep import deidentify
from data_prep.dicom_file import (
    MODALITY_WORDS,
    FilmError,
    looks_like_dicom,
    read_dataset,
    transfer_syntax_name,
)
from data_prep.dicom_pixels import stored_pixels
from data_prep.grey import display
from data_prep.picture import is_picture, read_picture

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Film", "FilmError", "FilmOptions", "read_film"]

# CR, DX: films. RG: film scanners. OT: secondary capture, how older archives keep films.
FILM_MODALITIES = ("CR", "DX", "RG", "OT", "")
LATERAL_VIEWS = ("LL", "RL", "LLD", "RLD")
FEWEST_PIXELS = 16


@dataclass(frozen=True)
class FilmOptions:
    """Choices of the reader; all of them part of the data set's recipe.

    window: which window or VOI LUT of several, from 0; colour: 'refuse', or 'equal' to accept
    colour files whose channels are equal; views: 'frontal' refuses films whose header says
    lateral, 'any' takes them.
    """

    window: int = 0
    colour: str = "refuse"
    views: str = "frontal"


@dataclass
class Film:
    """image: float32 (H, W) in [0, 1]; spacing: mm between rows, between columns, (1, 1) unknown;
    facts: JSON facts that may leave (deidentify.FACTS); padding: bool (H, W), no image there."""

    image: np.ndarray
    spacing: tuple[float, float]
    facts: dict[str, Any] = field(default_factory=dict)
    padding: np.ndarray | None = None


def read_film(path: Path, options: FilmOptions | None = None) -> Film:
    """Read one radiograph; DICOM is recognised by content, with or without preamble and meta.

    Raises FilmError with reason, detail and remedy; no header value is in them.
    """
    options = options or FilmOptions()
    path = Path(path)
    if not path.is_file():
        raise FilmError("no such file", remedy="Correct the table or the folder.")
    with path.open("rb") as file:
        head = file.read(512)
    film = read_picture(path) if is_picture(head) else _read_dicom_film(path, options, head)
    if min(film.image.shape) < FEWEST_PIXELS:
        raise FilmError(
            f"too small to be a film: under {FEWEST_PIXELS} pixels a side",
            detail=f"{film.image.shape[0]} x {film.image.shape[1]}",
        )
    known = film.image if film.padding is None else film.image[~film.padding]
    if known.min() == known.max():
        raise FilmError("constant image: every pixel has the same value", remedy="Leave it out.")
    return film


def _read_dicom_film(path: Path, options: FilmOptions, head: bytes) -> Film:
    dataset = read_dataset(path)
    if "PixelData" in dataset:
        _require_film(dataset, options)
    stored = stored_pixels(dataset)
    facts = deidentify.facts(dataset)
    facts["transfer_syntax"] = transfer_syntax_name(dataset)
    facts["preamble"] = head[128:132] == b"DICM" and looks_like_dicom(head)
    notes = []
    if facts.get("frames", 1) > 1:
        notes.append(f"first of {facts['frames']} frames")
    if stored.ndim == 3:
        stored = _equal_channels(stored)
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.SamplesPerPixel = 1
    shown = display(dataset, stored, options.window)
    facts["voi"] = shown.voi
    notes += shown.notes
    if notes:
        facts["notes"] = notes
    return Film(shown.image, _spacing(dataset), facts, shown.padding)


def _require_film(dataset: Dataset, options: FilmOptions) -> None:
    modality = str(dataset.get("Modality") or "").strip().upper()
    if modality not in FILM_MODALITIES:
        word = MODALITY_WORDS.get(modality)
        what = f"{modality} ({word})" if word else "another modality"
        raise FilmError(
            f"not a radiograph: {what}", remedy="Chest films are CR or DX; leave it out."
        )
    photometric = str(dataset.get("PhotometricInterpretation") or "").strip()
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples > 1 and options.colour == "refuse":
        name = photometric if photometric.startswith(("RGB", "YBR")) else "colour"
        raise FilmError(
            f"PhotometricInterpretation {name}: a screenshot?",
            remedy="Export the original film, or pass --colour equal for grey in colour files.",
        )
    if samples == 1 and photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise FilmError(
            "PhotometricInterpretation is not MONOCHROME1 or MONOCHROME2",
            remedy="Export the original film.",
        )
    view = str(dataset.get("ViewPosition") or "").strip().upper()
    if options.views == "frontal" and view in LATERAL_VIEWS:
        raise FilmError("a lateral film", remedy="Pass --views any to take lateral films.")


def _equal_channels(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W), where the three channels hold the same picture."""
    first = pixels[..., :1].astype(np.int64)
    if np.abs(pixels.astype(np.int64) - first).max() > 2:  # a lossy codec may part them by one
        raise FilmError("true colour: the channels differ", remedy="Export the original film.")
    return pixels[..., 0]


def _spacing(dataset: Dataset) -> tuple[float, float]:
    """Row and column spacing in mm (PS3.3 10.7.1.3), or the Pixel Aspect Ratio (C.7.6.3.1.7)."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        try:
            rows, columns = (float(v) for v in dataset.get(keyword) or ())
        except (TypeError, ValueError):
            continue
        if rows > 0 and columns > 0:
            return rows, columns
    return 1.0, 1.0
