import numpy as np
import pydicom
import pytest
from dicom_lut_item import lut_item
from PIL import Image
from planted import PLANTED
from pydicom.dataset import Dataset

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.voi import apply_window


def reason(path, options=None) -> str:
    with pytest.raises(FilmError) as error:
        read_film(path, options)
    for planted in PLANTED:
        assert planted not in str(error.value)
    return error.value.reason


def test_monochrome1_and_monochrome2_twins_give_the_same_image(make_dicom, ramp):
    window = {"WindowCenter": "300", "WindowWidth": "401"}
    second = read_film(make_dicom(ramp, "two.dcm", **window))
    # LINEAR is symmetric about c - 0.5, so the twin's centre mirrors as 4095 - (c - 0.5) + 0.5
    twin = {"WindowCenter": "3796", "WindowWidth": "401"}
    first = read_film(
        make_dicom(4095 - ramp, "one.dcm", PhotometricInterpretation="MONOCHROME1", **twin)
    )
    np.testing.assert_allclose(first.image, second.image, atol=1e-6)
    assert second.image[-1, -1] == 1 and second.image[0, 0] == 0


def test_inversion_comes_last(make_dicom, ramp):
    header = {"WindowCenter": "100", "WindowWidth": "51", "RescaleSlope": "2"}
    film = read_film(
        make_dicom(ramp, PhotometricInterpretation="MONOCHROME1", RescaleIntercept="-10", **header)
    )
    expected = 1 - np.clip((ramp * 2.0 - 10 - 99.5) / 50 + 0.5, 0, 1)
    np.testing.assert_allclose(film.image, expected, atol=1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(function):
    try:
        from pydicom.pixels import apply_windowing
    except ImportError:
        from pydicom.pixel_data_handlers import apply_windowing
    ds = Dataset()
    ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 12, 0
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 1500.0, 777.0, function
    values = np.arange(4096, dtype=np.uint16)
    expected = apply_windowing(values, ds) / 4095
    np.testing.assert_allclose(apply_window(values, 1500, 777, function), expected, atol=1e-6)


def test_a_window_of_width_one_is_a_threshold():
    assert apply_window(np.array([9, 10, 11]), 10, 1, "LINEAR").tolist() == [0, 1, 1]


def test_the_chosen_window_of_several_is_used_and_the_first_by_default(make_dicom, ramp):
    path = make_dicom(ramp, WindowCenter=[300, 50], WindowWidth=[600, 21])
    np.testing.assert_allclose(read_film(path).image, apply_window(ramp, 300, 600, "LINEAR"))
    np.testing.assert_allclose(
        read_film(path, FilmOptions(window=1)).image, apply_window(ramp, 50, 21, "LINEAR")
    )
    assert "does not exist" in read_film(path, FilmOptions(window=7)).facts["notes"][0]


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": "9", "WindowWidth": "0"},
        {"WindowCenter": "9", "WindowWidth": "-5"},
        {"WindowCenter": "9"},
        {"WindowCenter": "9", "WindowWidth": "0.5"},
    ],
)
def test_an_invalid_window_falls_back_to_the_full_range_and_says_so(make_dicom, ramp, window):
    film = read_film(make_dicom(ramp, **window))
    assert film.facts["notes"] == ["invalid window; the full range was taken"]
    assert film.image.min() == 0 and film.image.max() == 1


def test_padding_is_black_and_takes_no_part_in_the_range(make_dicom, ramp):
    pixels = ramp + 100
    pixels[:, :4] = 4000
    film = read_film(
        make_dicom(pixels, PixelPaddingValue=4000, PhotometricInterpretation="MONOCHROME1")
    )
    assert (film.image[:, :4] == 0).all()
    inside = film.image[:, 4:]
    assert inside.min() == 0 and inside.max() == 1


def test_a_padding_range_covers_all_its_values(make_dicom, ramp):
    film = read_film(make_dicom(ramp, PixelPaddingValue=0, PixelPaddingRangeLimit=47))
    assert film.padding is not None and film.padding[:2].all() and not film.padding[2:].any()


def test_signed_pixels_and_modality_lut_and_voi_lut(make_dicom, ramp):
    signed = ramp.astype(np.int16) - 300
    film = read_film(make_dicom(signed, WindowCenter="-100", WindowWidth="101"))
    np.testing.assert_allclose(film.image, apply_window(signed, -100, 101, "LINEAR"), atol=1e-6)

    doubled = lut_item(np.arange(4096) * 2)
    film = read_film(
        make_dicom(ramp, ModalityLUTSequence=[doubled], WindowCenter="700", WindowWidth="901")
    )
    np.testing.assert_allclose(film.image, apply_window(ramp * 2.0, 700, 901, "LINEAR"), atol=1e-6)
    falling = lut_item(65535 - np.arange(4096) * 16)
    film = read_film(make_dicom(ramp, VOILUTSequence=[falling]))
    np.testing.assert_allclose(film.image, (65535 - ramp * 16.0) / 65535, atol=1e-6)


def test_a_bare_data_set_without_preamble_and_meta_is_read(make_dicom, ramp, tmp_path):
    path = make_dicom(ramp)
    whole = path.read_bytes()
    length = 132 + 12 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
    bare = tmp_path / "bare"
    bare.write_bytes(whole[length:])
    np.testing.assert_array_equal(read_film(bare).image, read_film(path).image)


def test_spacing_is_that_of_the_detector_or_the_aspect_ratio(make_dicom, ramp):
    assert read_film(make_dicom(ramp, ImagerPixelSpacing=[0.4, 0.2])).spacing == (0.4, 0.2)
    assert read_film(make_dicom(ramp, PixelAspectRatio=[3, 2])).spacing == (3, 2)
    assert read_film(make_dicom(ramp)).spacing == (1, 1)


def test_pixels_of_no_detector_are_taken_as_square_and_noted(make_dicom, ramp):
    note = "pixel spacing with a ratio above 4; not followed"
    film = read_film(make_dicom(ramp, PixelSpacing=[0.2, 1.0]))
    assert film.spacing == (1, 1) and film.facts["notes"] == [note]
    film = read_film(make_dicom(ramp, PixelSpacing=[5, 1], ImagerPixelSpacing=[0.4, 0.2]))
    assert film.spacing == (0.4, 0.2) and film.facts["notes"] == [note]
    assert "notes" not in read_film(make_dicom(ramp, PixelSpacing=[4, 1])).facts


def test_every_kind_of_broken_file_has_its_own_reason(make_dicom, ramp, tmp_path):
    reasons = {}
    empty, text, noise = tmp_path / "a.dcm", tmp_path / "b.dcm", tmp_path / "c.dcm"
    empty.write_bytes(b"")
    text.write_text("Dear colleague, the films are on their way.\n" * 20, encoding="utf-8")
    noise.write_bytes(bytes(range(1, 256)) * 8)
    for name, path in (("empty", empty), ("text", text), ("noise", noise)):
        reasons[name] = reason(path)
    whole = make_dicom(ramp, "whole.dcm").read_bytes()
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(whole[:-300])
    reasons["truncated"] = reason(cut)
    cut.write_bytes(whole[:360])
    reasons["half header"] = reason(cut)
    reasons["rows"] = reason(make_dicom(ramp, "rows.dcm", Rows=99))
    reasons["constant"] = reason(make_dicom(np.full((32, 32), 7, np.uint8), "constant.dcm"))
    reasons["small"] = reason(make_dicom(ramp[:8], "small.dcm"))
    for name, modality in (("missing", "DX"), ("report", "SR")):
        path = make_dicom(ramp, f"{name}.dcm", Modality=modality)
        ds = pydicom.dcmread(path)
        del ds.PixelData
        ds.save_as(path)
        reasons[name] = reason(path)
    mpeg2, private = "1.2.840.10008.1.2.4.100", "1.2.826.0.1.3680043.8.4"
    video = make_dicom(ramp, "video.dcm", frames=[b"\0" * 64], syntax=mpeg2)
    reasons["video"] = reason(video)
    video.write_bytes(video.read_bytes().replace(mpeg2.encode(), private.encode()))
    reasons["private"] = reason(video)
    assert len(set(reasons.values())) == len(reasons), reasons
    assert "empty" in reasons["empty"] and "text" in reasons["text"]
    assert "truncated" in reasons["truncated"] and "header" in reasons["half header"]
    assert "rows and columns" in reasons["rows"] and "structured report" in reasons["report"]


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "XX"])
def test_other_modalities_are_refused(make_dicom, ramp, modality):
    assert reason(make_dicom(ramp, Modality=modality)).startswith("not a radiograph")


def test_a_header_value_never_reaches_a_message(make_dicom, ramp):
    odd = make_dicom(ramp, Modality=PLANTED[0].upper(), PhotometricInterpretation="PALETTE COLOR")
    assert PLANTED[0].upper() not in reason(odd)


def test_lateral_films_are_skipped_unless_asked_for(make_dicom, ramp):
    path = make_dicom(ramp, ViewPosition="LL")
    assert reason(path) == "a lateral film"
    assert read_film(path, FilmOptions(views="any")).facts["view"] == "lateral"


def test_colour_is_refused_unless_its_channels_are_equal_and_that_was_asked_for(make_dicom, ramp):
    grey = np.repeat((ramp // 4).astype(np.uint8)[..., None], 3, axis=2)
    header = {"PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    path = make_dicom(grey, "grey.dcm", **header)
    assert "RGB" in reason(path)
    film = read_film(path, FilmOptions(colour="equal"))
    np.testing.assert_allclose(film.image, grey[..., 0] / 255, atol=1e-6)
    grey[:9, :, 2] = 255
    assert "colour" in reason(make_dicom(grey, "c.dcm", **header), FilmOptions(colour="equal"))


def test_pictures_of_many_modes_show_the_same_film(tmp_path, ramp):
    grey = (ramp // 4).astype(np.uint8)
    base = Image.fromarray(grey)
    pictures = {
        "grey.png": base,
        "deep.png": Image.fromarray(grey.astype(np.uint16) * 257),
        "palette.png": base.convert("P"),
        "rgb.png": base.convert("RGB"),
        "alpha.png": base.convert("RGBA"),
        "la.png": base.convert("LA"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        np.testing.assert_allclose(read_film(tmp_path / name).image, grey / 255, atol=1e-6)
    base.save(tmp_path / "film.jpg", quality=95)
    assert np.abs(read_film(tmp_path / "film.jpg").image - grey / 255).max() < 0.05


def test_true_colour_and_damaged_pictures_are_refused(tmp_path, ramp):
    colour = np.stack([ramp % 256, ramp // 4, ramp * 0], axis=2).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    assert "true colour" in reason(tmp_path / "colour.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(
        tmp_path / "cut.png"
    )
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert "decoded" in reason(tmp_path / "cut.png")


def test_facts_hold_closed_codes_and_numbers_only(make_dicom, ramp):
    facts = read_film(
        make_dicom(ramp, ViewPosition="PA", BodyPartExamined=PLANTED[0].upper())
    ).facts
    assert facts["view"] == "PA" and "body_part" not in facts
    assert facts["notes"] == ["body part not understood"]
    assert not any(planted.lower() in str(facts).lower() for planted in PLANTED)
