"""Elements of a header, whole and broken."""

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from data_prep.errors import FilmError
from data_prep.read.dicom.header import code_of, count_of, number_of, numbers_of, text_of


def header(**raw: bytes) -> Dataset:
    """A data set as it is read: bytes, which are converted when they are asked for."""
    kinds = {"Modality": (0x00080060, "CS"), "WindowCenter": (0x00281050, "DS")}
    kinds |= {"Rows": (0x00280010, "US"), "PatientID": (0x00100020, "LO")}
    elements = {}
    for keyword, value in raw.items():
        tag, vr = Tag(kinds[keyword][0]), kinds[keyword][1]
        elements[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return Dataset(elements)


def test_two_terms_where_one_is_due_are_one_text_and_no_code():
    dataset = header(Modality=b"cr\\dx")
    assert text_of(dataset, "Modality") == "cr"
    assert code_of(dataset, "Modality") not in ("CR", "DX", "")
    assert code_of(header(Modality=b"cr "), "Modality") == "CR"


@pytest.mark.parametrize(
    ("value", "numbers"),
    [(b"1\\-2.5", [1, -2.5]), (b"", []), (b"1\\x", []), (b"nan", []), (b"1e400", [])],
)
def test_numbers_are_all_or_none(value, numbers):
    dataset = header(WindowCenter=value)
    assert numbers_of(dataset, "WindowCenter") == numbers
    assert numbers_of(dataset, "WindowCenter", 2) == (numbers if len(numbers) == 2 else [])
    assert number_of(dataset, "WindowCenter", 7) == (numbers or [7])[0]


def test_what_is_broken_counts_as_absent_but_never_for_the_size_of_the_image():
    dataset = header(Rows=b"abc")
    assert (text_of(dataset, "Rows"), code_of(dataset, "Rows")) == ("", "")
    assert numbers_of(dataset, "Rows") == []
    with pytest.raises(FilmError, match="not a number"):
        count_of(dataset, "Rows", 1)
    with pytest.raises(FilmError, match="not a number"):
        count_of(Dataset(), "Rows")
    assert count_of(Dataset(), "Rows", 1) == 1
