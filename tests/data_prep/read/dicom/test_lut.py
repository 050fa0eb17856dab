"""Look-up tables in every way the standard stores them, against their closed forms."""

import numpy as np
import pytest
from dcmtk import require_equal, shown
from dicom_lut_item import lut_item

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.lut import DEPTH_NOTE, read_lut
from data_prep.read.dicom.voi import apply_window

IMPLICIT, EXPLICIT, BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2"))


def rewrite(path, syntax):
    """The file in another uncompressed transfer syntax, pixel data and tables in its byte order."""
    import pydicom

    ds = pydicom.dcmread(path)
    if syntax == BIG:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    if int(pydicom.__version__.split(".")[0]) >= 3:
        options = {"implicit_vr": syntax == IMPLICIT, "little_endian": syntax != BIG}
        pydicom.dcmwrite(path, ds, enforce_file_format=True, **options)
    else:
        ds.is_implicit_VR, ds.is_little_endian = syntax == IMPLICIT, syntax != BIG
        ds.save_as(path, write_like_original=False)
    return path


STORED = {
    "two bytes an entry": {},
    "numbers": {"vr": "US"},
    "one byte an entry": {"pack": True},
    "one byte an entry, as numbers": {"pack": True, "vr": "US"},
}


@pytest.mark.parametrize("count", [768, 255])
@pytest.mark.parametrize("name", STORED)
def test_an_8_bit_voi_lut_is_followed_however_it_is_stored(make_dicom, ramp, name, count):
    entries = 255 - np.arange(count) * 255 // (count - 1)
    path = make_dicom(ramp, VOILUTSequence=[lut_item(entries, bits=8, **STORED[name])])
    film = read_film(path)
    expected = entries[np.minimum(ramp, count - 1)] / 255
    np.testing.assert_allclose(film.image, expected, atol=1e-6)
    assert film.facts["voi"] == "VOI LUT" and "notes" not in film.facts


@pytest.mark.parametrize("name", STORED)
def test_an_8_bit_modality_lut_is_followed_however_it_is_stored(make_dicom, ramp, name):
    entries = np.arange(768) // 3
    lut = lut_item(entries, bits=8, **STORED[name])
    film = read_film(make_dicom(ramp, ModalityLUTSequence=[lut]))
    np.testing.assert_allclose(film.image, entries[ramp] / 255, atol=1e-6)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_words_of_a_table_have_the_byte_order_of_the_file(make_dicom, ramp, syntax, pack):
    entries = np.arange(768) // 3
    lut = lut_item(entries, bits=8, pack=pack, big=syntax == BIG)
    path = rewrite(make_dicom(ramp, VOILUTSequence=[lut]), syntax)
    np.testing.assert_allclose(read_film(path).image, entries[ramp] / 255, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_the_top_of_a_table_is_that_of_its_depth(make_dicom, ramp, bits):
    entries = np.arange(768) * (2**bits - 1) // 767
    film = read_film(make_dicom(ramp, VOILUTSequence=[lut_item(entries, bits=bits)]))
    np.testing.assert_allclose(film.image, entries[ramp] / (2**bits - 1), atol=1e-6)


def test_no_entries_means_65536_of_them(make_dicom, ramp):
    path = make_dicom(
        ramp * 80, BitsStored=16, HighBit=15, VOILUTSequence=[lut_item(65535 - np.arange(65536))]
    )
    np.testing.assert_allclose(read_film(path).image, 1 - ramp * 80 / 65535, atol=1e-6)


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
def test_inputs_beyond_a_table_take_its_first_and_last_entry(make_dicom, ramp, sequence):
    entries = np.arange(100, 500)
    path = make_dicom(ramp, **{sequence: [lut_item(entries, first=200, bits=9)]})
    clamped = np.clip(ramp - 100.0, 100, 499)
    expected = clamped / 511 if sequence == "VOILUTSequence" else (clamped - 100) / 399
    np.testing.assert_allclose(read_film(path).image, expected, atol=1e-6)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("descriptor", ["SS", "US"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_first_input_of_a_voi_lut_is_signed_where_the_modality_output_is(
    make_dicom, ramp, signed, descriptor, syntax
):
    """63488 and -2048 are one word (PS3.3 C.11.2.1.1); implicit VR cannot tell them apart."""
    values = ramp.astype(np.int16) - 400 if signed else ramp
    entries = (np.arange(4096) ** 2 // 4095).astype(np.int64)
    first = -2048 if descriptor == "SS" else 63488
    lut = lut_item(entries, first, 12, descriptor=descriptor, big=syntax == BIG)
    rescale = {} if signed else {"RescaleSlope": "1", "RescaleIntercept": "-2048"}
    path = rewrite(make_dicom(values, VOILUTSequence=[lut], **rescale), syntax)
    modality = values.astype(int) - (0 if signed else 2048)
    np.testing.assert_allclose(read_film(path).image, entries[modality + 2048] / 4095, atol=1e-6)


def test_the_first_input_is_unsigned_where_no_input_is_negative(make_dicom, ramp):
    values = ramp + 40000
    entries = np.arange(1000)
    lut = lut_item(entries, 40000 - 65536, 10, descriptor="SS")
    path = make_dicom(values, BitsStored=16, HighBit=15, VOILUTSequence=[lut])
    np.testing.assert_allclose(read_film(path).image, ramp / 1023, atol=1e-6)


DEPTHS = (*range(8, 17), 0, 7, 17, 32)


@pytest.mark.parametrize("top", [100, 255, 300, 2000, 4000, 4095, 16383, 30000, 65535])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_widest_entry_decides_what_is_white_whatever_the_descriptor_says(
    make_dicom, ramp, top, photometric
):
    entries = np.arange(768) * top // 767
    bits = max(8, top.bit_length())
    expected = entries[ramp] / (2**bits - 1)
    expected = 1 - expected if photometric == "MONOCHROME1" else expected
    for stated in DEPTHS:
        lut = lut_item(entries, bits=stated)
        path = make_dicom(ramp, PhotometricInterpretation=photometric, VOILUTSequence=[lut])
        film = read_film(path)
        np.testing.assert_allclose(film.image, expected, atol=1e-6)
        notes = film.facts.get("notes", [])
        assert (DEPTH_NOTE in notes) == (stated != bits), (stated, notes)


@pytest.mark.parametrize("stated", [8, 12, 16])
@pytest.mark.parametrize("top", [255, 4000, 4095, 30000])
def test_a_lut_of_another_depth_than_stated_is_shown_as_dcmtk_shows_it(
    make_dicom, ramp, top, stated
):
    lut = lut_item(np.arange(768) * top // 767, bits=stated)
    path = make_dicom(ramp, VOILUTSequence=[lut])
    require_equal(read_film(path).image, shown(path, "+Wl", "1", "--ignore-vlut-depth"))


def test_entries_of_a_modality_lut_are_not_cut_to_the_depth_of_its_descriptor(make_dicom, ramp):
    lut = lut_item(np.arange(768) * 5, bits=8)
    window = {"WindowCenter": "1900", "WindowWidth": "3801"}
    film = read_film(make_dicom(ramp, ModalityLUTSequence=[lut], **window))
    np.testing.assert_allclose(
        film.image, apply_window(ramp * 5.0, 1900, 3801, "LINEAR"), atol=1e-6
    )
    assert film.facts["notes"] == [DEPTH_NOTE]


def test_bytes_as_entries_are_seen_by_their_number_whatever_the_descriptor_says(make_dicom, ramp):
    entries = np.arange(768) // 3
    film = read_film(make_dicom(ramp, VOILUTSequence=[lut_item(entries, bits=16, pack=True)]))
    np.testing.assert_allclose(film.image, entries[ramp] / 255, atol=1e-6)


@pytest.mark.parametrize("bits, count", [(8, 100), (8, 500), (16, 400)])
def test_a_table_that_is_none_is_not_followed(make_dicom, ramp, bits, count):
    from pydicom.dataset import Dataset

    broken = Dataset()
    broken.add_new("LUTDescriptor", "US", [768, 0, bits])
    broken.add_new("LUTData", "OW", np.arange(count).astype("<u2").tobytes())
    with pytest.raises(ValueError):
        read_lut(broken, (0, 4095))
    film = read_film(make_dicom(ramp, "voi.dcm", VOILUTSequence=[broken]))
    assert film.facts["notes"] == ["invalid VOI LUT; not followed"]
    with pytest.raises(FilmError, match="invalid Modality LUT"):
        read_film(make_dicom(ramp, "modality.dcm", ModalityLUTSequence=[broken]))


def test_a_window_and_a_voi_lut_are_alternatives_and_the_choice_is_noted(make_dicom, ramp):
    """PS3.3 C.11.2: either is applied, not both; the index counts tables first, then windows."""
    entries = 65535 - np.arange(768) * 85
    windows = {"WindowCenter": [300, 50], "WindowWidth": [600, 61]}
    path = make_dicom(ramp, VOILUTSequence=[lut_item(entries)], **windows)
    table, second = entries[ramp] / 65535, apply_window(ramp, 50, 61, "LINEAR")
    for index, expected, note in (
        (0, table, None),
        (1, second, "VOI LUT 1 does not exist; window 1 was taken"),
        (2, table, "neither VOI LUT nor window 2 exists; the first VOI LUT was taken"),
    ):
        film = read_film(path, FilmOptions(window=index))
        np.testing.assert_allclose(film.image, expected, atol=1e-6)
        assert film.facts.get("notes") == (None if note is None else [note])


def test_of_two_voi_luts_the_second_is_not_taken_for_the_third(make_dicom, ramp):
    luts = [lut_item(np.arange(768) * 85), lut_item(65535 - np.arange(768) * 85)]
    path = make_dicom(ramp, VOILUTSequence=luts)
    first, second, third = (read_film(path, FilmOptions(window=k)) for k in range(3))
    np.testing.assert_allclose(second.image, 1 - first.image, atol=1e-6)
    np.testing.assert_array_equal(third.image, first.image)
    assert "the first VOI LUT was taken" in third.facts["notes"][0]
