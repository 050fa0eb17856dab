"""From the content of a film's file to its frames."""

import importlib
import io

import numpy as np
import pytest
from PIL import Image

from data_prep.errors import FilmError
from data_prep.film import FilmOptions, FilmRecipe, prepare
from data_prep.film.prepare import BOX_NOTE, FEW_NOTE, HALF_NOTE, MASK_NOTE
from data_prep.frame.boxes import LesionBox

FRAMES = 3


@pytest.fixture
def several(make_dicom, ramp) -> bytes:
    """A film of three frames, each the ramp turned upside down once more."""
    frames = [ramp[:: (-1) ** k].tobytes() for k in range(FRAMES)]
    return make_dicom(ramp, frames=frames).read_bytes()


def recipe(**options) -> FilmRecipe:
    return FilmRecipe(16, framing="none", options=FilmOptions(**options))


def test_each_frame_is_a_picture_with_its_number_and_digest(several):
    frames = list(prepare(several, recipe(frames="each")))
    assert [frame.index for frame in frames] == [0, 1, 2]
    digests = [frame.facts["digest"] for frame in frames]
    assert digests[0] == digests[2] != digests[1]
    first, second, _ = (frame.pixels.astype(int) for frame in frames)
    assert np.abs(first - second[::-1]).max() <= 1 and first[0].mean() < first[-1].mean()


def test_the_first_frame_alone_is_one_picture_without_a_number(several):
    (frame,) = prepare(several, recipe())
    assert frame.index is None and len(frame.facts["digest"]) == 64
    assert f"first of {FRAMES} frames" in frame.facts["notes"]


def test_a_map_comes_back_to_its_place_in_the_film(make_dicom):
    """A bright spot of the film, taken for a map, is where it was; the border stays empty."""
    image = np.random.default_rng(0).integers(400, 600, (90, 70)).astype(np.uint16)
    image[50:58, 30:38] = 4000
    bordered = np.pad(image, ((20, 20), (20, 20)))
    (frame,) = prepare(make_dicom(bordered).read_bytes(), FilmRecipe(64, framing="square"))
    top, left, bottom, right = frame.facts["exposed_field"]
    back = frame.back(frame.pixels.astype(np.float32))
    assert back.shape == bordered.shape and (top, left) >= (18, 18)
    assert np.abs(np.argwhere(back > 200).mean(axis=0) - (73.5, 53.5)).max() < 0.6
    back[top:bottom, left:right] = 0
    assert not back.any()


def test_bars_beside_a_narrow_film_take_no_part_in_the_percentiles(make_dicom, ramp):
    chosen = FilmRecipe(32, framing="square", intensity="percentile:10,90")
    (frame,) = prepare(make_dicom(ramp + 200).read_bytes(), chosen)
    picture = frame.pixels
    inside = picture[:, 4:28]
    assert np.mean(inside == 0) == pytest.approx(0.1, abs=0.02)
    assert (picture[:, :4] == 0).all()


def prepared(path, intensity):
    """(facts, picture) of one film, framed as it is."""
    chosen = FilmRecipe(32, framing="none", collimation="keep", intensity=intensity)
    (frame,) = prepare(path.read_bytes(), chosen)
    return frame.facts, frame.pixels


BAD_WINDOW = {"WindowCenter": "2", "WindowWidth": "2"}


@pytest.mark.parametrize("intensity", ["minmax", "percentile:0,100"])
@pytest.mark.parametrize("header", [BAD_WINDOW, {"RescaleSlope": "3", "RescaleIntercept": "-50"}])
def test_minmax_and_percentile_start_from_the_values_before_any_window(
    make_dicom, ramp, intensity, header
):
    plain = make_dicom(ramp, "plain.dcm")
    _, truth = prepared(plain, "minmax")
    film = make_dicom(ramp, "film.dcm", **{**BAD_WINDOW, **header})
    facts, picture = prepared(film, intensity)
    np.testing.assert_array_equal(picture, truth)
    assert facts["voi"] == "none" and "notes" not in facts


def test_minmax_starts_behind_the_modality_lut_and_turns_monochrome1_around(make_dicom, ramp):
    from dicom_lut_item import lut_item

    squares = (ramp.astype(np.int64).ravel() ** 2) // 767
    _, truth = prepared(
        make_dicom(squares.reshape(ramp.shape).astype(np.uint16), "a.dcm"), "minmax"
    )
    path = make_dicom(
        ramp,
        "b.dcm",
        PhotometricInterpretation="MONOCHROME1",
        ModalityLUTSequence=[lut_item(squares)],
        VOILUTSequence=[lut_item(np.zeros(768) + 9)],
    )
    _, picture = prepared(path, "minmax")
    assert np.abs(picture.astype(int) - (255 - truth.astype(int))).max() <= 1


def test_a_window_that_saturates_a_film_is_noted_and_one_that_does_not_is_not(make_dicom, ramp):
    note = "the window saturates the film"
    facts, _ = prepared(make_dicom(ramp, "bad.dcm", **BAD_WINDOW), "window")
    assert facts["notes"] == [note]
    fine = {"WindowCenter": "384", "WindowWidth": "77"}  # a tenth of the values between the ends
    facts, _ = prepared(make_dicom(ramp, "fine.dcm", **fine), "window")
    assert facts["voi"] == "window LINEAR" and "notes" not in facts
    padded = np.vstack([np.full((64, 24), 4000, np.uint16), ramp[200 // 24 : 20]])  # known: 0..1
    film = make_dicom(padded, "padded.dcm", PixelPaddingValue=4000, **fine)
    assert "notes" not in prepared(film, "window")[0]


def test_a_window_in_stored_units_beside_a_slope_leaves_less_than_a_grey_level(make_dicom, ramp):
    rescale = {"RescaleSlope": "0.001", "RescaleIntercept": "0"}
    path = make_dicom(ramp, WindowCenter="2048", WindowWidth="4096", **rescale)
    with pytest.raises(FilmError, match="the window leaves one grey level"):
        prepared(path, "window")


def test_a_window_that_leaves_one_grey_level_names_another_way(make_dicom, ramp):
    path = make_dicom(ramp + 100, **BAD_WINDOW)
    with pytest.raises(FilmError, match="the window leaves one grey level") as error:
        prepared(path, "window")
    assert "--intensity percentile" in error.value.remedy
    assert prepared(path, "percentile")[1].std() > 50


def test_text_is_looked_for_in_the_picture_that_is_written(make_dicom, monkeypatch):
    """One hot pixel must not press film and text together until nobody finds it."""
    pixels = (np.random.default_rng(0).integers(0, 200, (64, 64))).astype(np.uint16)
    pixels[0, 0] = 4095
    seen = []
    module = importlib.import_module("data_prep.film.prepare")
    monkeypatch.setattr(module, "find_text", lambda image: seen.append(image) or [])
    prepared(make_dicom(pixels), "percentile")
    assert seen[0].astype(float).std() > 50


@pytest.mark.parametrize("bits", [8, 16])
def test_values_in_a_fraction_of_the_range_are_noted_with_the_remedy(tmp_path, bits):
    """12 bits in a PNG of 16: nearly black, and a network sees 16 grey levels."""
    deep = np.random.default_rng(0).integers(0, 4096, (96, 96)).astype(np.uint16)
    for name, values, few in (("deep", deep, True), ("whole", deep * 16, False)):
        Image.fromarray(values).save(tmp_path / f"{name}.png")
        data = (tmp_path / f"{name}.png").read_bytes()
        for policy in ("window", "minmax", "percentile"):
            wanted = FilmRecipe(48, bits, "none", policy)
            (frame,) = prepare(data, wanted)
            assert (FEW_NOTE in frame.facts.get("notes", ())) == (few and policy == "window")


@pytest.mark.parametrize(("bits", "noted"), [(14, True), (15, True), (16, False)])
@pytest.mark.parametrize("policy", ["window", "minmax", "percentile"])
def test_fourteen_or_fifteen_bits_in_a_picture_of_sixteen_are_noted(tmp_path, bits, noted, policy):
    values = np.random.default_rng(0).integers(0, 2**bits, (96, 96)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "film.png")
    data = (tmp_path / "film.png").read_bytes()
    (frame,) = prepare(data, FilmRecipe(48, framing="none", intensity=policy))
    assert (HALF_NOTE in frame.facts.get("notes", ())) == (noted and policy == "window")


def test_a_window_far_wider_than_a_film_is_noted(make_dicom):
    values = np.random.default_rng(0).integers(0, 200, (96, 96)).astype(np.uint16)
    wide = make_dicom(values, "wide.dcm", WindowCenter="2048", WindowWidth="4096")
    (frame,) = prepare(wide.read_bytes(), recipe())
    assert frame.facts["notes"] == [FEW_NOTE] and "--intensity percentile" in FEW_NOTE
    (frame,) = prepare(make_dicom(values, "none.dcm").read_bytes(), recipe())
    assert "notes" not in frame.facts


def test_a_mask_of_most_of_the_film_and_a_box_beside_it_are_noted(make_dicom, ramp):
    def notes(share: float, left: int) -> list[str]:
        mask = np.zeros(ramp.shape, bool)
        mask[: round(share * len(mask))] = True
        file = io.BytesIO()
        Image.fromarray(mask.astype(np.uint8) * 255).save(file, "PNG")
        box = LesionBox(left, 0, 4, 4, "x")
        content = make_dicom(ramp).read_bytes()
        (frame,) = prepare(content, recipe(), mask=file.getvalue(), boxes=[box])
        return [note for note in frame.facts.get("notes", ()) if note in (MASK_NOTE, BOX_NOTE)]

    assert notes(0.4, 2) == []
    assert notes(0.7, 2) == [MASK_NOTE]
    assert notes(0.4, 5000) == [BOX_NOTE]
