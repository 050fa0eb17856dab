"""One film from its bytes to its pictures on disk."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from data_prep.errors import FilmError
from data_prep.film.options import FilmOptions
from data_prep.film.prepare import prepare_film
from data_prep.frame import png
from data_prep.settings import Settings
from data_prep.source import Source

FRAMES = 3


@pytest.fixture
def several(make_dicom, ramp):
    """A film of three frames, each the ramp turned upside down once more."""
    path = make_dicom(ramp, NumberOfFrames=str(FRAMES))
    ds = pydicom.dcmread(path)
    ds.PixelData = b"".join(ramp[:: (-1) ** k].tobytes() for k in range(FRAMES))
    ds.save_as(path)
    return Source(path.name, path, "dicom", subject="sub-1")


def settings(tmp_path, **options):
    return Settings(
        tmp_path, tmp_path / "out", size=16, framing="none", film=FilmOptions(**options)
    )


def test_each_frame_is_a_picture_with_its_number_and_digest(several, tmp_path):
    outcome = prepare_film(several, settings(tmp_path, frames="each"))
    names = [f"images/sub-1/01_{k:03d}.png" for k in range(FRAMES)]
    assert [image.image for image in outcome.images] == names
    assert [image.slice for image in outcome.images] == [0, 1, 2]
    digests = outcome.details["digest"]
    assert digests[0] == digests[2] != digests[1]
    first, second, _ = (png.load(tmp_path / "out" / name).astype(int) for name in names)
    assert np.abs(first - second[::-1]).max() <= 1 and first[0].mean() < first[-1].mean()


def test_the_first_frame_alone_is_one_picture_without_a_number(several, tmp_path):
    outcome = prepare_film(several, settings(tmp_path))
    assert [(i.image, i.slice) for i in outcome.images] == [("images/sub-1/01_000.png", None)]
    assert len(outcome.details["digest"]) == 64
    assert f"first of {FRAMES} frames" in outcome.details["notes"]


def test_a_bad_frame_leaves_nothing_of_its_file_behind(several, ramp, tmp_path):
    ds = pydicom.dcmread(several.path)
    ds.PixelData = ramp.tobytes() + ramp.tobytes() + bytes(ramp.nbytes)
    ds.save_as(several.path)
    with pytest.raises(FilmError, match="constant"):
        prepare_film(several, settings(tmp_path, frames="each"))
    assert not list((tmp_path / "out").rglob("*.png"))


def test_bars_beside_a_narrow_film_take_no_part_in_the_percentiles(make_dicom, ramp, tmp_path):
    path = make_dicom(ramp + 200)
    source = Source(path.name, path, "dicom", subject="sub-1")
    chosen = Settings(
        tmp_path, tmp_path / "out", size=32, framing="square", intensity="percentile:10,90"
    )
    outcome = prepare_film(source, chosen)
    picture = png.load(tmp_path / "out" / outcome.images[0].image)
    inside = picture[:, 4:28]
    assert np.mean(inside == 0) == pytest.approx(0.1, abs=0.02)
    assert (picture[:, :4] == 0).all()


def prepared(path, tmp_path, intensity, name="out"):
    """(outcome, picture) of one film, framed as it is."""
    source = Source(path.name, path, "dicom", subject="sub-1")
    size = {"size": 32, "framing": "none", "collimation": "keep"}
    outcome = prepare_film(source, Settings(tmp_path, tmp_path / name, intensity=intensity, **size))
    return outcome, png.load(tmp_path / name / outcome.images[0].image)


BAD_WINDOW = {"WindowCenter": "2", "WindowWidth": "2"}


@pytest.mark.parametrize("intensity", ["minmax", "percentile:0,100"])
@pytest.mark.parametrize("header", [BAD_WINDOW, {"RescaleSlope": "3", "RescaleIntercept": "-50"}])
def test_minmax_and_percentile_start_from_the_values_before_any_window(
    make_dicom, ramp, tmp_path, intensity, header
):
    plain = make_dicom(ramp, "plain.dcm")
    _, truth = prepared(plain, tmp_path, "minmax", "truth")
    film = make_dicom(ramp, "film.dcm", **{**BAD_WINDOW, **header})
    outcome, picture = prepared(film, tmp_path, intensity)
    np.testing.assert_array_equal(picture, truth)
    assert outcome.details["voi"] == "none" and "notes" not in outcome.details


def test_minmax_starts_behind_the_modality_lut_and_turns_monochrome1_around(
    make_dicom, ramp, tmp_path
):
    from dicom_lut_item import lut_item

    squares = (ramp.astype(np.int64).ravel() ** 2) // 767
    _, truth = prepared(make_dicom(squares.reshape(ramp.shape).astype(np.uint16), "a.dcm"),
                        tmp_path, "minmax", "truth")  # fmt: skip
    path = make_dicom(
        ramp,
        "b.dcm",
        PhotometricInterpretation="MONOCHROME1",
        ModalityLUTSequence=[lut_item(squares)],
        VOILUTSequence=[lut_item(np.zeros(768) + 9)],
    )
    _, picture = prepared(path, tmp_path, "minmax")
    assert np.abs(picture.astype(int) - (255 - truth.astype(int))).max() <= 1


def test_a_window_that_saturates_a_film_is_told_and_one_that_does_not_is_not(
    make_dicom, ramp, tmp_path
):
    note = "the window saturates the film"
    outcome, _ = prepared(make_dicom(ramp, "bad.dcm", **BAD_WINDOW), tmp_path, "window")
    assert outcome.details["notes"] == [note]
    fine = {"WindowCenter": "384", "WindowWidth": "77"}  # a tenth of the values between the ends
    outcome, _ = prepared(make_dicom(ramp, "fine.dcm", **fine), tmp_path, "window", "fine")
    assert outcome.details["voi"] == "window LINEAR" and "notes" not in outcome.details
    padded = np.vstack([np.full((64, 24), 4000, np.uint16), ramp[200 // 24 : 20]])  # known: 0..1
    film = make_dicom(padded, "padded.dcm", PixelPaddingValue=4000, **fine)
    assert "notes" not in prepared(film, tmp_path, "window", "padded")[0].details


def test_a_window_that_leaves_one_grey_level_names_another_way(make_dicom, ramp, tmp_path):
    path = make_dicom(ramp + 100, **BAD_WINDOW)
    with pytest.raises(FilmError, match="the window leaves one grey level") as error:
        prepared(path, tmp_path, "window")
    assert "--intensity percentile" in error.value.remedy
    assert prepared(path, tmp_path, "percentile")[1].std() > 50


def test_text_is_looked_for_in_the_picture_that_is_written(make_dicom, tmp_path, monkeypatch):
    """One hot pixel must not press film and text together until nobody finds it."""
    from data_prep.film import prepare

    pixels = (np.random.default_rng(0).integers(0, 200, (64, 64))).astype(np.uint16)
    pixels[0, 0] = 4095
    seen = []
    monkeypatch.setattr(prepare, "find_text", lambda image: seen.append(image) or [])
    prepared(make_dicom(pixels), tmp_path, "percentile")
    assert seen[0].astype(float).std() > 50
