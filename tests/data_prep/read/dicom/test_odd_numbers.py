"""Any number in any field of a header gives a film or a reason, never a foreign error."""

import io
import itertools
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from data_prep.errors import FilmError, PrepError
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.film.prepare import prepare
from data_prep.film.recipe import FilmRecipe
from data_prep.read.dicom.display import SLOPE_NOTE

WORDS = (0, 1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 64, 4095, 32767, 32768, 65535)
DECIMALS = (
    *("0", "-0", "1", "-1", "0.5", "1e308", "-1e308", "1e-308", "5e-324", "1e39", "1e400"),
    *("nan", "-inf", "Infinity", "", " ", "1\\2\\3", "1,5", "0x10", "9" * 300, "1_0", "\uff11"),
)
INTEGERS = ("0", "-1", "2", "2147483648", "9" * 20, "9" * 4299, "1e9", "1.5", "nan", "", "\u0662")
US = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
US += ("SamplesPerPixel", "PlanarConfiguration", "PixelPaddingValue", "PixelPaddingRangeLimit")
DS = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelSpacing")
IS = ("NumberOfFrames", "SeriesNumber", "InstanceNumber", "PixelAspectRatio")
BASE = {"WindowCenter": "300", "WindowWidth": "400", "RescaleSlope": "1", "RescaleIntercept": "0"}


def raw(keyword: str, value: bytes) -> RawDataElement:
    """An element as a file holds it, without pydicom's checks."""
    tag = Tag(keyword)
    vr = pydicom.datadict.dictionary_VR(tag)
    return RawDataElement(tag, vr.split(" ")[0], len(value), value, 0, False, True)


def lut(descriptor: tuple[int, int, int]) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", list(descriptor))
    item.add_new("LUTData", "OW", np.arange(64, dtype="<u2").tobytes())
    return item


def words(*values: int) -> bytes:
    return np.array(values, "<u2").tobytes()


def cases():
    for keyword, value in itertools.product(US, WORDS):
        yield {keyword: words(value)}
    for keyword in US:
        yield from ({keyword: data} for data in (b"", b"\1", words(1, 2), b"\1" * 7))
    for stored, allocated in itertools.product(WORDS, (1, 8, 16, 32, 64)):
        yield {"BitsStored": words(stored), "BitsAllocated": words(allocated)}
        yield {"BitsStored": words(stored), "HighBit": words(allocated)}
    for keyword, text in itertools.product(DS, DECIMALS):
        yield {keyword: text.encode()}
        if keyword == "PixelSpacing":
            yield from ({keyword: f"{text}\\{other}".encode()} for other in DECIMALS[:10])
    for keyword, text in itertools.product(IS, INTEGERS):
        yield {keyword: text.encode()}
    for pair in itertools.product(INTEGERS[:6], repeat=2):
        yield {"PixelAspectRatio": "\\".join(pair).encode()}
    for sequence in ("VOILUTSequence", "ModalityLUTSequence"):
        for triple in itertools.product((0, 1, 64, 65535), (0, 32768), (0, 7, 8, 16, 17, 65535)):
            yield {sequence: [lut(triple)]}
        yield {sequence: [Dataset()]}


def test_odd_numbers_are_followed_or_refused(make_dicom):
    values = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
    original = make_dicom(values, **BASE)
    recipe = FilmRecipe(options=FilmOptions(colour="equal", burned_in="allow"), size=16)
    taken = 0
    for case in cases():
        dataset = pydicom.dcmread(original)
        for keyword, value in case.items():
            if isinstance(value, bytes):
                dataset[keyword] = raw(keyword, value)
            else:
                setattr(dataset, keyword, value)
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(file)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                frames = list(prepare(file.getvalue(), recipe))
        except PrepError as error:
            assert error.reason, case
        except Exception as error:
            pytest.fail(f"{case}: {type(error).__name__}: {error}")
        else:
            taken += 1
            assert all(frame.pixels.shape == (16, 16) for frame in frames), case
    assert taken > 100


def test_more_bits_stored_than_allocated_are_refused(make_dicom, ramp):
    for stored, allocated in ((17, 16), (32767, 16)):
        with pytest.raises(FilmError, match="more bits stored than allocated") as error:
            read_film(make_dicom(ramp, BitsStored=stored, BitsAllocated=allocated))
        assert str(stored) in error.value.detail


@pytest.mark.parametrize("slope", ["0", "0.0", "-0", "0e5"])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": "300", "WindowWidth": "400"}])
def test_a_slope_of_0_is_not_followed_and_noted(make_dicom, ramp, slope, window):
    """As dcmtk: the pair is left out, so that a window meets the stored values."""
    right = read_film(make_dicom(ramp, "right.dcm", **window))
    film = read_film(make_dicom(ramp, RescaleSlope=slope, RescaleIntercept="-1000", **window))
    np.testing.assert_array_equal(film.image, right.image)
    assert film.facts["notes"] == [SLOPE_NOTE] and "notes" not in right.facts
