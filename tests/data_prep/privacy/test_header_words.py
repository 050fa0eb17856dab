"""Which words of a header are looked for in names and messages, value by value."""

import pytest
from pydicom.dataset import Dataset

from data_prep.privacy.header_words import _of_value, words_of
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
