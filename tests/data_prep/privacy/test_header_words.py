"""Which words of a header are looked for in names and messages, value by value."""

import datetime

import pytest
from pydicom.dataset import Dataset

from data_prep.privacy.facts import days_since_first, facts
from data_prep.privacy.header_words import _of_value, words_of
from data_prep.privacy.identity import date_of, identity
from data_prep.privacy.scrubbing import scrub


@pytest.mark.parametrize(
    ("vr", "text", "words"),
    [
        ("UI", "2.25", {"2.25"}),  # the shortest
        ("UI", "2.2", set()),
        ("UI", "1.2.840.10008.1.2", set()),  # the same in every hospital
        ("DA", "19530324", {"19530324"}),
        ("DA", "1953.03.24", {"19530324"}),
        ("DA", "195303", {"195303"}),
        ("DA", "1953", set()),
        ("DA", "00000000", set()),
        ("DT", "20240131101112.25+0100", {"20240131"}),
        ("TM", "101112.250", {"101112"}),
        ("TM", "10:11:12", {"101112"}),
        ("TM", "1011", set()),
        ("TM", "000000", set()),
        ("DS", "-004711471.000", {"4711471"}),
        ("DS", "471147", {"471147"}),
        ("IS", "47114", set()),
        ("DS", "4711471.5", set()),
        ("LT", "Zyxwin skiold", {"Zyxwin skiold", "Zyxwin", "skiold"}),
        ("UN", "Zyxwin skiold", {"Zyxwin", "skiold"}),  # bytes that may be anything
        ("LT", "Zyx skio", {"Zyx skio", "skio"}),
        ("LO", "0004711", {"0004711", "4711"}),
        ("LT", "q" * 64, {"q" * 64}),
        ("LT", "skiold " + "q" * 58, {"skiold", "q" * 58}),
    ],
)
def test_a_value_gives_itself_and_its_parts_where_they_are_long_enough(vr, text, words):
    assert set(_of_value("", vr, text)) == words


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_a_birth_date_in_the_old_form_is_blanked_in_the_new_one():
    header = Dataset()
    header.add_new("PatientBirthDate", "DA", "1953.03.24")
    words, names, complete = words_of(header)
    assert words == names == ("19530324",) and complete
    assert "24" not in scrub("born 24.03.1953 or 19530324", words)


@pytest.mark.parametrize("day", ["19530231", "19531301", "20000000"])
def test_a_day_that_no_calendar_has_is_blanked_as_it_stands(day):
    assert scrub(f"born {day} in 1953", [day]) == "born *** in 1953"


@pytest.mark.parametrize(
    ("day", "forms"),
    [
        ("19530324", ["24.3.1953", "3/24/1953", "1953.3.24", "24-03-53", "24 March 1953"]),
        ("19531104", ["4.11.1953", "11/4/1953", "1953-11-4", "Nov 04, 1953", "04_11_1953"]),
        ("19530304", ["4.3.1953", "3/4/1953", "1953 03 04", "04March1953"]),
        ("19531124", ["24.11.1953", "11/24/1953", "531124", "24Nov1953"]),
    ],
)
def test_a_day_is_blanked_in_the_forms_that_people_write(day, forms):
    for form in forms:
        assert scrub(f"born {form}!", [day]) == "born ***!", form


@pytest.mark.parametrize(
    "text", ["19991231", "1999.12.31", "19991231101112.5+0100", "1999.12.31 10:11"]
)
def test_a_day_is_read_in_both_forms_of_the_standard(text):
    assert date_of(text) == datetime.date(1999, 12, 31)


@pytest.mark.parametrize(
    "text", ["", "1999", "199912", "1999.1231", "199912.31", "31.12.1999", "19991331", "A9991231"]
)
def test_what_is_no_day_is_none(text):
    assert date_of(text) is None


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_studies_of_the_old_and_the_new_form_are_in_order_and_counted_in_days():
    found = []
    for day in ("2001.02.01", "20010131", "2001.02.03"):
        header = Dataset()
        header.add_new("StudyDate", "DA", day)
        header.add_new("PatientBirthDate", "DA", "1950.02.02")
        found.append((identity(header), facts(header)["age"]))
    assert [age for _, age in found] == [50, 50, 51]
    ordered = sorted(one.order for one, _ in found)
    assert [order[0] for order in ordered] == ["20010131", "20010201", "20010203"]
    assert days_since_first([one.study_date for one, _ in found]) == [1, 0, 3]


def test_two_numbers_of_a_patient_are_two_words():
    header = Dataset()
    header.OtherPatientIDs = ["AB-1", "CD-2"]
    assert words_of(header) == (("AB-1", "CD-2"), ("AB-1", "CD-2"), True)


@pytest.mark.parametrize(
    ("times", "moment"),
    [
        ({"ContentTime": "101112"}, "101112"),
        ({"AcquisitionTime": "080000", "ContentTime": "101112"}, "080000"),
        ({}, ""),
    ],
)
def test_a_film_is_ordered_by_its_acquisition_or_else_by_its_content(times, moment):
    header = Dataset()
    for keyword, value in times.items():
        setattr(header, keyword, value)
    assert identity(header).order[3] == moment


@pytest.mark.parametrize(("width", "found"), [(1, True), (3, True), (4, False)])
def test_parts_of_a_name_are_one_where_at_most_three_characters_part_them(width, found):
    text = f"from Anna{'-' * width}Lee of Ulm"
    assert (scrub(text, ["Anna Lee"]) == "from *** of Ulm") is found


@pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber"])
@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        ("4455667A", "MRN_4455667/1.dcm", "MRN_***/1.dcm"),
        ("A00998877", "998877/1.dcm", "***/1.dcm"),
        ("A123", "123/1.dcm", "123/1.dcm"),  # too short to be a patient's
    ],
)
def test_a_number_is_blanked_without_the_letters_around_it(keyword, value, name, shown):
    header = Dataset()
    setattr(header, keyword, value)
    assert scrub(name, words_of(header)[0]) == shown
