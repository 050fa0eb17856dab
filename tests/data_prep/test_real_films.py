"""Films of real scanners and real broken files; skipped where the data folder is absent."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from data_prep import datalist, png
from data_prep.film import FilmError, FilmOptions, read_film
from data_prep.pipeline import run
from data_prep.settings import Settings

ANY = FilmOptions(views="any", colour="equal")


@pytest.fixture(scope="module")
def manifest(real_data: Path) -> list[dict[str, str]]:
    path = real_data / "dicom" / "manifest.csv"
    if not path.is_file():
        pytest.skip("no DICOM manifest")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_good_wrapped_film_is_the_expected_picture_to_one_grey_level(real_data, manifest):
    rows = [row for row in manifest if row["expected_png"]]
    assert len(rows) == 26
    for row in rows:
        film = read_film(real_data / row["path"], ANY)
        expected = png.load(real_data / row["expected_png"]).astype(float)
        assert np.abs(film.image * 255 - expected).max() <= 1.01, row["path"]


def test_every_broken_wrapped_film_has_its_own_reason(real_data):
    folder = real_data / "dicom" / "wrapped_nih"
    reasons = {}
    for path in sorted(folder.glob("c*.dcm")):
        if path.name.startswith("c8"):
            film = read_film(path)  # a window of width 0 costs the window, not the film
            assert film.facts["notes"] == ["invalid window; the full range was taken"]
            continue
        with pytest.raises(FilmError) as error:
            read_film(path)
        reasons[path.name] = error.value.reason
    assert len(reasons) == 8 and len(set(reasons.values())) == 8


def test_real_chest_films_convert_and_show_dark_lungs_in_a_bright_chest(real_data, tmp_path):
    result = run(Settings(real_data / "dicom" / "real_chest", tmp_path / "out", size=64))
    assert result.exit_code == 0 and len(result.outcomes) == 7
    dataset = datalist.read(tmp_path / "out")
    assert datalist.check(dataset, deep=True) == []
    inverted = 0
    for _, item in dataset.items():
        image = png.load(dataset.image_path(item)).astype(float)
        lung, middle = image[20:34, 14:22].mean(), image[24:44, 28:36].mean()
        inverted += lung > middle
    assert inverted == 1  # Fake_MONOHR1 only says MONOCHROME1; its pixels were never inverted


def test_one_film_in_three_compressions_is_one_film(real_data):
    """12-bit JPEG Extended goes another way than the rest; it must come to the same."""
    folder = real_data / "dicom" / "real_other"
    truth = read_film(folder / "RG3_RLE.dcm").image
    for name, worst, mean in (("RG3_JLSL", 0.0, 0.0), ("RG3_JPLY", 0.06, 0.003)):
        difference = np.abs(read_film(folder / f"{name}.dcm").image - truth)
        assert difference.max() <= worst and difference.mean() <= mean, name


def test_no_real_edge_case_ends_in_anything_but_a_film_or_a_film_error(manifest, real_data):
    texts = []
    for row in manifest:
        if row["category"] != "real_edge":
            continue
        try:
            film = read_film(real_data / row["path"])
        except FilmError as error:
            texts.append((row, str(error)))
        else:
            assert film.image.dtype == np.float32 and np.isfinite(film.image).all()
    assert len(texts) > 20
    for row, text in texts:
        for part in (row["patient_name"], row["institution"]):
            assert len(part) < 5 or part not in text
