"""Films of real scanners and real broken files; skipped where the data folder is absent.

Everything comes from the pack's manifest, so that another pack of the same format is tested alike.
"""

import hashlib
import re
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from flat_settings import settings

from data_prep import datalist
from data_prep.errors import FilmError
from data_prep.film.choice import LeftOut
from data_prep.film.film import Film
from data_prep.film.open import films, read_film
from data_prep.film.options import FilmOptions
from data_prep.frame import png
from data_prep.pipeline import run

ANY = FilmOptions(views="any", colour="equal", modalities="any", body_parts="any", intent="any")
HEADER_TEXTS = ("patient_name", "institution", "source")
Row = dict[str, str]


def tolerance(row: Row) -> float:
    """Grey levels: what the row's own words say, else 1."""
    told = re.search(r"tolerance (\d+)", row["expected"])
    return float(told.group(1) if told else 1) + 0.01


def is_broken(row: Row) -> bool:
    """The row has no picture and says what is to be done with such a file."""
    said = re.search("skip|report|fall back", row["expected"])
    return said is not None and not row["expected_png"]


def must_be_skipped(row: Row) -> bool:
    """The row of a broken file says skip, and nothing but skip."""
    return "skip" in row["expected"] and " or " not in row["expected"]


def read(path: Path, options: FilmOptions | None = None) -> Film | FilmError:
    try:
        return read_film(path, options)
    except FilmError as error:
        return error


def test_every_film_with_an_expected_picture_is_that_picture(real_data, manifest):
    rows = [row for row in manifest if row["expected_png"]]
    if not rows:
        pytest.skip("this pack has no expected pictures")
    for row in rows:
        film = read_film(real_data / row["path"], ANY)
        expected = png.load(real_data / row["expected_png"]).astype(float)
        assert np.abs(film.image * 255 - expected).max() <= tolerance(row), row["path"]


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
    broken = [row for row in manifest if is_broken(row)]
    if not broken:
        pytest.skip("this pack has no broken files")
    reasons: dict[str, set[str]] = {}
    for row in broken:
        result = read(real_data / row["path"])
        if must_be_skipped(row):
            assert isinstance(result, FilmError) and not isinstance(result, LeftOut), row["path"]
        elif isinstance(result, Film):  # the row allows another way; it is noted
            assert result.facts["notes"], row["path"]
        if isinstance(result, FilmError):
            reasons.setdefault(row["expected"], set()).add(result.reason)
    assert len(set.union(*reasons.values())) >= len(reasons), reasons


def test_a_lateral_tag_leaves_a_film_out_and_a_burned_in_one_is_noted(real_data, manifest):
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
            found = list(films((real_data / row["path"]).read_bytes(), each))
            assert [film.frame for film in found] == list(range(int(row["frames"])))
            expected = png.load(real_data / row["expected_png"]).astype(float)
            assert np.abs(found[0].image * 255 - expected).max() <= tolerance(row)


def chest_films(real_data: Path, manifest: list[Row]) -> list[Row]:
    """Untouched chest films of a scanner, by the columns of the manifest; a file with another
    checksum is not the one that its row describes.
    """
    films = [row for row in manifest if row["derived"] == "0" and not row["expected"]]
    films = [r for r in films if r["modality"] in ("CR", "DX", "RG") and r["body_part"] == "CHEST"]
    return [row for row in films if checksum(real_data / row["path"]) == row["sha256"]]


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def may_be_left(reason: str, row: Row, others: list[Row]) -> bool:
    """The row supports the reason: another film of its size, another view, text not ruled out."""
    size = ("rows", "cols")
    if "a copy" in reason:
        return any(all(row[key] == other[key] for key in size) for other in others)
    if "text" in reason or "burned" in reason.lower():
        return row["burned_in"] != "NO"
    return row["view"] not in ("PA", "AP", "") and re.search("view|film", reason) is not None


def said_inverted(row: Row, words: str) -> bool:
    """The row, or a sentence of the pack's README that names the file, says its grey is turned."""
    told = "invert|negative|polarity"
    if re.search(told, row["note"], re.IGNORECASE):
        return True
    sentences = re.split(r"[;\n]|\. ", words)
    name = PurePosixPath(row["path"]).name
    return any(name in part and re.search(told, part, re.IGNORECASE) for part in sentences)


def test_real_chest_films_convert_and_show_dark_lungs_in_a_bright_chest(
    real_data, manifest, tmp_path
):
    # of two letters: three that are in a header would be blanked
    rows = {f"{k:02x}": row for k, row in enumerate(chest_films(real_data, manifest))}
    if len(rows) < 2:
        pytest.skip("this pack has no two untouched chest films")
    (tmp_path / "in").mkdir()
    for name, row in rows.items():
        (tmp_path / "in" / name).write_bytes((real_data / row["path"]).read_bytes())
    result = run(settings(tmp_path / "in", tmp_path / "out", size=64))
    assert {o.source for o in result.outcomes} == set(rows)
    dataset = datalist.read(tmp_path / "out")
    assert datalist.check(dataset, deep=True) == []
    readme = real_data / "README.md"
    words = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    tags: dict[str, set[str]] = {}  # the same stored pixels under both tags: one of them is wrong
    digests = {name: read_film(real_data / row["path"], ANY).digest for name, row in rows.items()}
    for name, row in rows.items():
        tags.setdefault(digests[name], set()).add(row["photometric"])
    looked_at, inverted = 0, []
    for outcome in result.outcomes:
        row = rows[outcome.source]
        if outcome.status != "written":
            others = [other for other in rows.values() if other is not row]
            assert outcome.status == "left", (row["path"], outcome.reason)
            assert may_be_left(outcome.reason, row, others), (row["path"], outcome.reason)
            continue
        image = png.load(tmp_path / "out" / outcome.images[0].image).astype(float)
        if said_inverted(row, words) or len(tags[digests[outcome.source]]) > 1:
            continue
        looked_at += 1
        lung, middle = image[20:34, 14:22].mean(), image[24:44, 28:36].mean()
        inverted += [row["path"]] if lung > middle else []
    assert len(inverted) <= looked_at // 4, inverted  # a pack may hold one that nobody noted


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
