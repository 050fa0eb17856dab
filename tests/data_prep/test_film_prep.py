"""One film from its bytes to its pictures on disk."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from data_prep import png
from data_prep.film import FilmError, FilmOptions
from data_prep.film_prep import prepare_film
from data_prep.find import Source
from data_prep.settings import Settings

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
