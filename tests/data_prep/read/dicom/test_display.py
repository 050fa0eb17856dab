"""The table over all possible stored words gives what direct evaluation at every pixel gives."""

import base64
import io

import numpy as np
import pydicom
import pytest
from dicom_lut_item import lut_item
from PIL import Image
from pydicom.dataset import Dataset

from data_prep.errors import FilmError
from data_prep.film.open import films, read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.display import display
from data_prep.read.dicom.layout import Layout
from data_prep.read.dicom.lut import HALF_NOTE
from data_prep.read.dicom.stored_values import BITS_NOTE, SHIFT_NOTE, Stored, digest, stored_values
from data_prep.read.dicom.voi import apply_window

WINDOW = {"WindowCenter": "300", "WindowWidth": "401"}
# The ramp of 32 x 24 values 0..767 as a reversible HTJ2K codestream (drawn; nobody's data).
HTJ2K_RAMP = base64.b64decode(
    b"/0//UQApQAAAAAAYAAAAIAAAAAAAAAAAAAAAGAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBE"
    b"AB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAI8AAf+TwAAmNf4F"
    b"B3QAwAASwAASgOAAB3QAbAIHdACgAAmAtm0AY1QAwAATwAAVIAjggX5LdQDaWu3AEICMtgDAABUQAAVwAN4U9PTydw"
    b"BqVVVV9fwACPYQgey5AMAAKuAAFrgAAPP+ApSlKUvpAK5zzjnnnHPu/3KAAB79gAB79gAB7L8A/9k="
)


def header(signed: bool, **more):
    ds = Dataset()
    ds.PhotometricInterpretation, ds.BitsAllocated, ds.BitsStored = "MONOCHROME2", 16, 12
    ds.PixelRepresentation = int(signed)
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


GAMMA = (np.linspace(0, 1, 4096) ** 0.6 * 65535).astype(np.uint16)
PIPELINES = {
    "no VOI": {},
    "linear": WINDOW,
    "exact": WINDOW | {"VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": WINDOW | {"VOILUTFunction": "SIGMOID"},
    "rescale": WINDOW | {"RescaleSlope": "2.5", "RescaleIntercept": "-700"},
    "falling rescale": {"RescaleSlope": "-1", "RescaleIntercept": "4095"},
    "modality LUT": WINDOW | {"ModalityLUTSequence": [lut_item(np.arange(4096)[::-1] // 8)]},
    "VOI LUT": {"VOILUTSequence": [lut_item(GAMMA)]},
    "folded VOI LUT": {"VOILUTSequence": [lut_item(np.abs(np.arange(4096) - 700) * 16)]},
    "padding": {"PixelPaddingValue": 5, "PixelPaddingRangeLimit": 90},
}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", PIPELINES)
def test_the_table_is_the_direct_evaluation(name, signed, photometric):
    values = np.random.default_rng(0).integers(-300 if signed else 0, 900, (40, 50))
    dtype = np.int16 if signed else np.uint16
    layout = Layout(40, 50, 1, 1, 16, 12, 0, signed)
    ds = header(signed, PhotometricInterpretation=photometric, **PIPELINES[name])
    table = display(ds, stored_values(values.astype(dtype), layout))
    direct = display(ds, Stored(values, None, layout.bits_stored, signed))
    np.testing.assert_allclose(table.image, direct.image, atol=1e-6)
    assert (table.voi, table.notes) == (direct.voi, direct.notes)
    assert (table.padding is None) == (direct.padding is None) == (name != "padding")
    if table.padding is not None:
        np.testing.assert_array_equal(table.padding, direct.padding)


def test_overlay_bits_above_bits_stored_are_not_burned_in(make_dicom, ramp):
    """PS3.5 8.1.1; Overlay Bit Position was 15 on old scanners (PS3.3 C.9.2, retired)."""
    clean = read_film(make_dicom(ramp, "clean.dcm", **WINDOW))
    overlay = ramp.copy()
    overlay[5:9, 3:20] |= 0x8000
    overlay[20:22] |= 0x1000
    film = read_film(make_dicom(overlay, "overlay.dcm", **WINDOW))
    np.testing.assert_array_equal(film.image, clean.image)
    assert film.digest == clean.digest
    assert film.facts["notes"] == [BITS_NOTE] and "notes" not in clean.facts


def test_signed_values_keep_their_sign_below_planted_bits(make_dicom, ramp):
    signed = ramp.astype(np.int16) - 300
    window = {"WindowCenter": "-100", "WindowWidth": "101"}
    clean = read_film(make_dicom(signed, "clean.dcm", **window))
    bare = (signed & 0x0FFF).astype(np.int16)  # 12 bits, sign not carried upwards
    film = read_film(make_dicom(bare, "bare.dcm", **window))
    np.testing.assert_array_equal(film.image, clean.image)
    assert film.digest == clean.digest and "notes" not in film.facts
    planted = (bare | 0x2000).astype(np.int16)
    film = read_film(make_dicom(planted, "planted.dcm", **window))
    np.testing.assert_array_equal(film.image, clean.image)


def test_a_high_bit_above_bits_stored_shifts_the_values(make_dicom, ramp):
    clean = read_film(make_dicom(ramp, "clean.dcm", **WINDOW))
    high = (ramp << 4) | (np.arange(24, dtype=np.uint16) % 16)
    film = read_film(make_dicom(high, "high.dcm", HighBit=15, **WINDOW))
    np.testing.assert_array_equal(film.image, clean.image)
    assert film.digest == clean.digest and film.facts["notes"] == [SHIFT_NOTE]


def test_a_padding_value_may_be_a_word_beyond_bits_stored_or_of_the_wrong_sign(make_dicom, ramp):
    signed = ramp.astype(np.int16)
    signed[:, :3] = -2000
    for name, value in (("signed", -2000), ("as unsigned", 63536)):
        path = make_dicom(signed, f"{name}.dcm", **WINDOW)
        ds = pydicom.dcmread(path)
        ds.add_new("PixelPaddingValue", "SS" if value < 0 else "US", value)
        ds.save_as(path)
        film = read_film(path)
        assert film.padding is not None and film.padding[:, :3].all(), name
        assert not film.padding[:, 3:].any()
    unsigned = ramp.copy()
    unsigned[:, :3] = 63536
    path = make_dicom(unsigned, "unsigned.dcm", BitsStored=16, HighBit=15, **WINDOW)
    ds = pydicom.dcmread(path)
    ds.add_new("PixelPaddingValue", "SS", -2000)
    ds.save_as(path)
    film = read_film(path)
    assert film.padding is not None and film.padding[:, :3].all()
    assert not film.padding[:, 3:].any()


@pytest.mark.parametrize(
    ("header", "whole"),
    [
        ({"RescaleSlope": "-1"}, {"RescaleSlope": "-1", "RescaleIntercept": "0"}),
        ({"RescaleIntercept": "-700"}, {"RescaleSlope": "1", "RescaleIntercept": "-700"}),
    ],
)
def test_half_of_a_rescale_counts_and_is_noted(make_dicom, ramp, header, whole):
    half, both = (
        read_film(make_dicom(ramp, f"{i}.dcm", **h)) for i, h in enumerate((header, whole))
    )
    np.testing.assert_array_equal(half.image, both.image)
    assert HALF_NOTE in half.facts["notes"] and not both.facts.get("notes")


def test_lossy_overshoot_is_clipped_not_wrapped_around():
    layout = Layout(16, 16, 1, 1, 16, 10, 0, False)
    pixels = np.full((16, 16), 1030, np.uint16)
    pixels[0] = 3
    assert stored_values(pixels, layout, lossy=True).integers().max() == 1023
    assert stored_values(pixels, layout).integers().max() == 1030 - 1024


def test_the_same_pixels_have_the_same_digest_in_every_encoding(make_dicom, ramp):
    path = make_dicom(ramp, "film.dcm", **WINDOW)
    truth = read_film(path).digest
    assert read_film(make_dicom(ramp.astype(np.uint32), "wide.dcm", **WINDOW)).digest == truth
    assert read_film(make_dicom(ramp.astype(np.int16), "signed.dcm", **WINDOW)).digest == truth
    assert read_film(make_dicom(ramp.T.copy(), "turned.dcm", **WINDOW)).digest != truth
    video = {"frames": [HTJ2K_RAMP], "syntax": "1.2.840.10008.1.2.4.100"}
    coded = make_dicom(ramp, "video.dcm", **video, **WINDOW)  # pydicom 2.4 does not write HTJ2K
    film = read_film(coded.read_bytes().replace(b".2.4.100", b".2.4.201"))
    assert film.digest == truth and "High-Throughput" in film.facts["transfer_syntax"]
    np.testing.assert_array_equal(film.image, read_film(path).image)


def test_digests_tell_shapes_and_signs_apart():
    values = np.arange(12)
    assert digest(values.reshape(3, 4)) != digest(values.reshape(4, 3))
    assert digest(values.reshape(3, 4)) != digest(values.reshape(3, 4) - 1)
    big = values.reshape(3, 4).astype(">u2")
    assert digest(values.reshape(3, 4)) == digest(big) == digest(big.astype(np.int64))


def test_each_frame_of_a_film_is_read_and_numbered(make_dicom, ramp):
    path = make_dicom(ramp, frames=[ramp.tobytes(), ramp[::-1].tobytes()], **WINDOW)
    first, second = films(path.read_bytes(), FilmOptions(frames="each"))
    assert (first.frame, second.frame) == (0, 1)
    np.testing.assert_array_equal(second.image, first.image[::-1])
    assert first.digest != second.digest
    (only,) = films(path.read_bytes(), FilmOptions())
    assert only.digest == first.digest and only.facts["notes"] == ["first of 2 frames"]
    np.testing.assert_allclose(first.image, apply_window(ramp, 300, 401, "LINEAR"), atol=1e-6)


def test_of_many_compressed_frames_only_the_first_is_decoded(make_dicom, ramp):
    """The other frames are noise: decoding them would fail."""
    grey = (ramp // 4).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=95)
    frames = [file.getvalue(), *[b"\0" * 64] * 999]
    path = make_dicom(grey, frames=frames, syntax=pydicom.uid.JPEGBaseline8Bit)
    film = read_film(path)
    assert film.facts["notes"] == ["first of 1000 frames"]
    assert np.abs(film.image - grey / 255).max() < 0.05
    with pytest.raises(FilmError, match="decoded"):
        list(films(path.read_bytes(), FilmOptions(frames="each")))
