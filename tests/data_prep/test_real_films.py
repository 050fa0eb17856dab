"""Films of real scanners and real broken files; skipped where the data folder is absent.

Everything comes from the pack's manifest, so that another pack of the same format is tested alike.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from data_prep import datalist, png
from data_prep.film import Film, FilmError, FilmOptions, LeftOut, read_film, read_films
from data_prep.pipeline import run
from data_prep.settings import Settings

ANY = FilmOptions(views="any", colour="equal", modalities="any", body_parts="any", intent="any")
HEADER_TEXTS = ("patient_name", "institution", "source")
Row = dict[str, str]


@pytest.fixture(scope="module")
def manifest(real_data: Path) -> list[Row]:
    path = real_data / "dicom" / "manifest.csv"
    if not path.is_file():
        pytest.skip("no DICOM manifest")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tolerance(row: Row) -> float:
    """Grey levels: what the row's own words say, else 1."""
    told = re.search(r"tolerance (\d+)", row["expected"])
    return float(told.group(1) if told else 1) + 0.01


def to_be_skipped(row: Row) -> bool:
    """The row of a broken file says skip, and nothing but skip."""
    return "skip" in row["expected"] and " or " not in row["expected"]


def read(path: Path, options: FilmOptions | None = None) -> Film | FilmError:
    try:
        return read_film(path, options)
    except FilmError as error:
        return error


def test_every_film_with_an_expected_picture_is_that_picture(real_data, manifest):
    rows = [row for row in manifest if row["expected_png"]]
    assert rows
    for row in rows:
        film = read_film(real_data / row["path"], ANY)
        expected = png.load(real_data / row["expected_png"]).astype(float)
        assert np.abs(film.image * 255 - expected).max() <= tolerance(row), row["path"]


def test_monochrome1_and_monochrome2_twins_give_the_same_picture(real_data, manifest):
    """Twins: stems that differ in mono1 and mono2 only; numbered ones, of one source picture."""
    stems: dict[tuple[str, str], list[str]] = {}
    for row in manifest:
        stem = PurePosixPath(row["path"]).stem
        if re.search("mono[12]", stem, re.IGNORECASE):
            numbered = re.match(r"\d+_", stem)
            key = re.sub(r"^\d+_|mono[12]", "", stem.lower()), row["source"] if numbered else ""
            stems.setdefault(key, []).append(row["path"])
    twins = [paths for paths in stems.values() if len(paths) > 1]
    if not twins:
        pytest.skip("this pack has no twins of one source picture")
    for first, *others in twins:
        image = read_film(real_data / first, ANY).image
        for other in others:
            assert np.abs(read_film(real_data / other, ANY).image - image).max() <= 1.01 / 255


def test_every_file_is_a_film_or_a_reason_with_a_remedy_and_no_header_text(real_data, manifest):
    films = reasons = 0
    for row in manifest:
        for options in (FilmOptions(), ANY):
            result = read(real_data / row["path"], options)
            if isinstance(result, Film):
                films += 1
                assert result.image.dtype == np.float32, row["path"]
                assert 0 <= result.image.min() < result.image.max() <= 1, row["path"]
                assert re.fullmatch("[0-9a-f]{64}", result.digest)
                text = str(result.facts)
            else:
                reasons += 1
                assert result.reason and result.remedy, row["path"]
                text = str(result)
            for part in (row[name] for name in HEADER_TEXTS):
                assert len(part) < 5 or part not in text, row["path"]
    assert films and reasons


def test_every_broken_file_that_must_be_skipped_has_its_own_reason(real_data, manifest):
    broken = [row for row in manifest if re.match(r"c\d+_", PurePosixPath(row["path"]).name)]
    assert broken
    reasons = {}
    for row in broken:
        result = read(real_data / row["path"])
        if to_be_skipped(row):
            assert isinstance(result, FilmError) and not isinstance(result, LeftOut), row["path"]
        elif isinstance(result, Film):  # the row allows another way; it is told
            assert result.facts["notes"], row["path"]
        if isinstance(result, FilmError):
            reasons[row["path"]] = result.reason
    assert len(set(reasons.values())) == len(reasons), reasons


def test_a_lateral_tag_leaves_a_film_out_and_a_burned_in_one_is_told(real_data, manifest):
    for row in manifest:
        if row["expected_png"] and row["view"] in ("LL", "RL"):
            result = read(real_data / row["path"])
            assert isinstance(result, LeftOut) and result.reason == "a lateral film"
        elif row["expected_png"] and row["burned_in"] == "YES":
            assert read_film(real_data / row["path"], ANY).facts["burned_in"] == "YES"


def test_each_frame_of_several_is_a_film(real_data, manifest):
    each = FilmOptions(**{**vars(ANY), "frames": "each"})
    for row in manifest:
        if row["expected_png"] and row["frames"] not in ("", "1"):
            films = read_films((real_data / row["path"]).read_bytes(), each)
            assert [film.frame for film in films] == list(range(int(row["frames"])))
            expected = png.load(real_data / row["expected_png"]).astype(float)
            assert np.abs(films[0].image * 255 - expected).max() <= tolerance(row)


def test_real_chest_films_convert_and_show_dark_lungs_in_a_bright_chest(real_data, tmp_path):
    result = run(Settings(real_data / "dicom" / "real_chest", tmp_path / "out", size=64))
    assert {o.status for o in result.outcomes} <= {"written", "left"} and len(result.outcomes) > 1
    assert all("a copy" in o.reason for o in result.outcomes if o.status == "left")
    dataset = datalist.read(tmp_path / "out")
    assert datalist.check(dataset, deep=True) == []
    inverted = 0
    for _, item in dataset.items():
        image = png.load(dataset.image_path(item)).astype(float)
        lung, middle = image[20:34, 14:22].mean(), image[24:44, 28:36].mean()
        inverted += lung > middle
    fakes = len(list((real_data / "dicom" / "real_chest").glob("Fake*")))
    assert inverted <= fakes  # Fake_MONOHR1 only says MONOCHROME1; its pixels are not inverted


def test_one_film_in_several_compressions_is_one_film(real_data, manifest):
    """12-bit JPEG Extended goes another way than the rest; it must come to the same."""
    groups: dict[str, dict[str, Path]] = {}
    for row in manifest:
        told = re.fullmatch(
            r"(RG\d|[A-Z]+\d)_(RLE|J2KR|J2KI|JLSL|JLSN|JPLL|JPLY)", Path(row["path"]).stem
        )
        if told and row["path"].startswith("dicom/real"):
            groups.setdefault(told[1], {})[told[2]] = real_data / row["path"]
    compared = 0
    for paths in groups.values():
        exact = [name for name in ("RLE", "J2KR", "JLSL", "JPLL") if name in paths]
        if not exact:
            continue
        truth = read_film(paths[exact[0]], ANY)
        for name, path in paths.items():
            film = read_film(path, ANY)
            difference = np.abs(film.image - truth.image)
            compared += 1
            if name in exact:
                assert difference.max() == 0 and film.digest == truth.digest, path.name
            else:
                assert difference.max() <= 0.1 and difference.mean() <= 0.01, path.name
    if not compared:
        pytest.skip("this pack has no film in several compressions")
