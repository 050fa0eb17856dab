"""What a header must not spread: invalid values are left out, what says whose it is stays."""

from collections.abc import Callable

import pytest
from dicom_sources import FACTS, corner, film_source, with_raw
from pydicom import dcmread
from pydicom.dataset import Dataset

from healthygan_monai.dicom_results import ResultFacts, make_results
from healthygan_monai.errors import PrepError

INVALID = {
    "PatientAge": b"62",
    "PatientBirthDate": b"31.01.2020",
    "StudyDate": b"20241399",
    "StudyTime": b"256199",
    "PatientSex": b"X",
    "AccessionNumber": b"A" * 30,
    "StudyDescription": b"D" * 80,
    "PatientWeight": b"heavy",
    "PatientSize": b"-1",
    "BodyPartExamined": b"chest ap",
    "PatientOrientation": b"L\\R",
    "FrameOfReferenceUID": b"1.2.a",
    "SeriesNumber": b"-4",
    "PixelSpacing": b"0.0\\0.0",
    "LossyImageCompression": b"YES",
    "ReferringPhysicianName": b"A" * 70,
    "SpecificCharacterSet": b"LATIN",
}


def results(source: Dataset) -> list[Dataset]:
    difference, marked = corner((int(source.Rows), int(source.Columns)))
    return make_results([source], difference, marked, ResultFacts(**FACTS))


@pytest.mark.parametrize("keyword", INVALID)
def test_an_invalid_value_is_not_copied(keyword: str, valid: Callable) -> None:
    source = with_raw(film_source(**{keyword: None}), **{keyword: INVALID[keyword]})
    for found in map(dcmread, valid(results(source))):
        assert INVALID[keyword] not in str(found.get(keyword, "")).encode()
        assert found.PatientID == "HOSP-4711"


def test_all_of_them_at_once(valid: Callable) -> None:
    valid(results(with_raw(film_source(**dict.fromkeys(INVALID)), **INVALID)))


def test_missing_attributes_are_empty(valid: Callable) -> None:
    lacking = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber")
    lacking += ("StudyDate", "StudyTime", "StudyID", "ReferringPhysicianName", "SeriesNumber")
    for found in map(dcmread, valid(results(film_source(**dict.fromkeys(lacking))))):
        assert found.PatientName == "" and not found.PatientID


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "M\u00fcller^J\u00f6rg"),
        ("ISO_IR 192", "\u0418\u0432\u0430\u043d\u043e\u0432"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"),
    ],
)
def test_a_name_stays_itself_in_another_character_set(
    charset: str, name: str, valid: Callable
) -> None:
    source = with_raw(film_source(SpecificCharacterSet=charset, PatientName=name))
    assert str(source.PatientName) == name
    for found in map(dcmread, valid(results(source))):
        assert str(found.PatientName) == name and found.SpecificCharacterSet == "ISO_IR 192"


def test_texts_without_a_character_set_are_read_as_latin(valid: Callable) -> None:
    source = with_raw(film_source(PatientName=None), PatientName="M\u00fcller".encode("latin-1"))
    for found in map(dcmread, valid(results(source))):
        assert str(found.PatientName) in ("M\u00fcller", "")


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SOPInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", ["", "Secretname"])
def test_without_a_uid_of_study_series_or_instance_there_is_no_result(
    keyword: str, value: str
) -> None:
    with pytest.raises(PrepError, match="UID") as caught:
        results(with_raw(film_source(**{keyword: value})))
    assert "Secretname" not in str(caught.value)


def test_a_study_uid_with_leading_zeros_stays_the_study() -> None:
    source = with_raw(film_source(StudyInstanceUID="1.2.003.4"))
    assert {str(r.StudyInstanceUID) for r in results(source)} == {"1.2.003.4"}


def test_no_warning_or_log_line_quotes_the_header(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    results(with_raw(film_source(**dict.fromkeys(INVALID)), **INVALID))
    texts = [r.getMessage() for r in caplog.records] + [str(w.message) for w in recwarn]
    assert [text for text in texts if "31.01.2020" in text or "HOSP-4711" in text] == []
