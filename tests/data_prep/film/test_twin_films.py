"""Every real film and its negative: stored values turned around, the other MONOCHROME, one picture.

Turned around within Bits Stored, v becomes lowest + highest - v. Rescaled values turn with it, and
so does a window: about its middle c - 1/2 where LINEAR, about c else (PS3.3 C.11.2.1.2,
C.11.2.1.3).
"""

import re
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from pydicom.dataset import Dataset

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.file import read_dataset
from data_prep.read.dicom.header import numbers_of
from data_prep.read.dicom.layout import Layout, layout
from data_prep.read.dicom.pixels import is_lossy, stored_frame
from data_prep.read.dicom.stored_values import stored_values
from data_prep.read.dicom.write import save_dicom

ANY = FilmOptions(views="any", colour="equal", modalities="any", body_parts="any", intent="any")
ONE_LEVEL = 1.01 / 255
OTHER = {"MONOCHROME1": "MONOCHROME2", "MONOCHROME2": "MONOCHROME1"}
TABLES = ("VOILUTSequence", "ModalityLUTSequence")
KEPT = (
    *("SOPClassUID", "Modality", "Rows", "Columns", "RescaleSlope", "RescaleIntercept"),
    *("WindowWidth", "VOILUTFunction", "WindowCenter", "PhotometricInterpretation"),
)


def bare(dataset: Dataset, pixels: Layout, values: np.ndarray) -> Dataset:
    """What of the header makes the picture, without look-up tables, and `values` as its pixels."""
    film = Dataset()
    for keyword in KEPT:
        if keyword in dataset:
            film[keyword] = dataset[keyword]
    film.SOPInstanceUID, film.SamplesPerPixel = "1.2.3", 1
    film.BitsAllocated = max(8, pixels.bits_allocated)
    film.BitsStored, film.PixelRepresentation = pixels.bits_stored, int(pixels.signed)
    film.HighBit = film.BitsStored - 1

    film.add_new("PixelData", "OW", values.astype(film_kind(film)).tobytes())
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        for value in numbers_of(dataset, keyword):
            film.add_new(keyword, "SS" if pixels.signed else "US", int(value))
    return film


def turn_around(film: Dataset, pixels: Layout, values: np.ndarray) -> None:
    """The header and pixels of `film` become those of its negative."""
    turn = -1 if pixels.signed else 2**pixels.bits_stored - 1
    film.PixelData = (turn - values.astype(np.int64)).astype(film_kind(film)).tobytes()
    film.PhotometricInterpretation = OTHER[film.PhotometricInterpretation]
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        if keyword in film:
            film[keyword].value = turn - film[keyword].value
    slope, intercept = 1.0, 0.0
    if "RescaleSlope" in film and "RescaleIntercept" in film:
        slope, intercept = float(film.RescaleSlope), float(film.RescaleIntercept)
    linear = str(film.get("VOILUTFunction") or "LINEAR") not in ("LINEAR_EXACT", "SIGMOID")
    centres = numbers_of(film, "WindowCenter")
    if centres:
        film.WindowCenter = [f"{slope * turn + 2 * intercept + linear - c:.10g}" for c in centres]


def film_kind(film: Dataset) -> str:
    return f"<{'i' if film.PixelRepresentation else 'u'}{film.BitsAllocated // 8}"


def pairs(manifest: list[dict[str, str]]) -> list[list[str]]:
    """Stems that differ in mono1 and mono2 only; numbered ones, of one source picture."""
    stems: dict[tuple[str, str], list[str]] = {}
    for row in manifest:
        stem = PurePosixPath(row["path"]).stem.lower()
        if re.search("mono[12]", stem):
            numbered = re.match(r"\d+_", stem)
            key = re.sub(r"^\d+_|mono[12]", "", stem), row["source"] if numbered else ""
            stems.setdefault(key, []).append(row["path"])
    return [paths for paths in stems.values() if len(paths) > 1]


def test_monochrome1_and_monochrome2_twins_of_a_pack_give_the_same_picture(real_data, manifest):
    """Nothing to compare in a pack without pairs; the next test makes its own."""
    for first, *others in pairs(manifest):
        image = read_film(real_data / first, ANY).image
        for other in others:
            assert np.abs(read_film(real_data / other, ANY).image - image).max() <= ONE_LEVEL


def test_every_real_film_and_its_negative_are_the_same_picture(
    real_data: Path, manifest: list[dict[str, str]], tmp_path: Path
) -> None:
    turned = {name: 0 for name in OTHER}
    for row in manifest:
        if row["photometric"] not in OTHER:
            continue
        path = real_data / row["path"]
        try:
            picture = read_film(path, ANY)
        except FilmError:  # a broken file; others look at its reason
            continue
        dataset = read_dataset(path.read_bytes())
        pixels = layout(dataset)
        words, pixels = stored_frame(dataset, pixels)
        values = stored_values(words, pixels, is_lossy(dataset)).integers()
        film, written = bare(dataset, pixels, values), tmp_path / "film.dcm"
        save_dicom(film, written)
        same = read_film(written, ANY)
        assert same.digest == picture.digest, row["path"]
        if not any(dataset.get(keyword) for keyword in TABLES):
            np.testing.assert_array_equal(same.image, picture.image, err_msg=row["path"])
        turn_around(film, pixels, values)
        save_dicom(film, written)
        negative = read_film(written, ANY)
        assert np.abs(negative.image - same.image).max() <= ONE_LEVEL, row["path"]
        assert negative.facts["voi"] == same.facts["voi"], row["path"]
        turned[row["photometric"]] += 1
    if not sum(turned.values()):
        pytest.skip("this pack has no film that can be read")
