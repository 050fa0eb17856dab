"""Names of files in lists: no patient's name, whatever word it is, and one name a file."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from data_prep.inputs.headers import scan
from data_prep.privacy.header_words import MOST_WORDS
from data_prep.privacy.identity import identity
from data_prep.privacy.scrubbing import safe_name
from data_prep.read.dicom.write import save_dicom
from data_prep.source import Source
from data_prep.work.pools import Inline

ORDINARY = (
    *("Ward", "Page", "Hand", "Field", "Check", "Right", "Lower", "Series", "True", "Spine"),
    *("Hospital", "Chest", "Long", "Young"),
)


def header(name: str = "Doe^Jo", number: str = "X1", **more: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.SOPInstanceUID = "2.25.77"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "DX", name, number
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def shown(folder: Path, files: dict[str, Dataset | None], *, keyed: bool = True) -> list[str]:
    """The names in lists of files with these headers; None: a file without any."""
    sources = []
    for name, dataset in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if dataset is None:
            path.write_bytes(b"no film")
        else:
            save_dicom(dataset, path)
        sources.append(Source(name, path, "other" if dataset is None else "dicom"))
    return [source.shown for source in scan(sources, Inline(), keyed)]


@pytest.mark.parametrize("word", ORDINARY)
def test_a_patients_name_is_blanked_though_it_is_an_ordinary_word(tmp_path, word):
    files = {f"{word}/x.dcm": header(f"{word}^Zoltan"), f"{word}_CXR.dcm": header(f"Zoltan^{word}")}
    assert shown(tmp_path, files) == ["***/x.dcm", "***_CXR.dcm"]


@pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber", "OtherPatientIDs"])
def test_a_patients_number_is_blanked_though_it_is_an_ordinary_word(keyword):
    words = identity(header(**{keyword: "WARD"})).words
    assert safe_name("ward/x.dcm", words) == "***/x.dcm"


def test_a_name_is_known_by_its_element_where_a_writer_gave_it_another_type():
    dataset = header()
    del dataset.PatientName
    dataset.add_new(0x00100010, "LO", "Ward^Li")
    words = identity(dataset).words
    assert safe_name("Ward/x.dcm", words) == "***/x.dcm"


@pytest.mark.parametrize("keyed", [True, False])
def test_an_ordinary_surname_is_blanked_in_the_names_of_other_files_too(tmp_path, keyed):
    files = {
        "a.dcm": header("Ward^Zoltan"),
        "Ward/b.dcm": header("Roe^Ann", "X2"),
        "Ward/c.dcm": None,
    }
    assert shown(tmp_path, files, keyed=keyed)[1:] == ["***/b.dcm", "***/c.dcm"]


def test_an_ordinary_word_of_another_text_is_blanked_nowhere(tmp_path):
    told = header(SeriesDescription="Chest", InstitutionName="Ward Hospital")
    files = {"Chest/Ward_2.dcm": told, "Chest/Hospital_3.dcm": header("Roe^Ann", "X2")}
    assert shown(tmp_path, files) == list(files)


def test_many_words_of_a_private_group_do_not_crowd_out_the_patient(tmp_path):
    dataset = header("Zyxwinski^Oleander", "NR4711", PatientBirthDate="19530324")
    dataset.AccessionNumber, dataset.StudyInstanceUID = "ACC0815", "2.25.909090"
    block = dataset.private_block(0x0009, "ACME", create=True)
    for k in range(12):
        block.add_new(k + 1, "LT", " ".join(f"word{k:02d}{i:03d}" for i in range(400)))
    files = {"Zyxwinski/NR4711/x.dcm": dataset, "ACC0815/Oleander 2.25.909090.dcm": None}
    assert shown(tmp_path, files, keyed=False) == ["***/***/x.dcm", "***/*** 2.25.***.dcm"]
    words = set(identity(dataset).words)
    assert {"Zyxwinski", "NR4711", "19530324", "ACC0815", "2.25.909090"} <= words
    assert MOST_WORDS <= len(words) < MOST_WORDS + 20


def test_names_are_all_kept_however_many_there_are():
    dataset = header("Last^Left")
    names = [f"Name{i:05d}" for i in range(MOST_WORDS + 10)]
    block = dataset.private_block(0x0009, "ACME", create=True)
    for k in range(0, len(names), 50):
        block.add_new(k // 50 + 1, "PN", names[k : k + 50])
    assert {*names, "Last", "Left"} <= set(identity(dataset).words)


def test_where_a_header_says_more_than_is_looked_at_only_technical_words_stay(tmp_path):
    dataset = header("Doe^Jo")
    block = dataset.private_block(0x0009, "ACME", create=True)
    for k in range(12):
        block.add_new(k + 1, "LT", " ".join(f"word{k:02d}{i:03d}" for i in range(400)))
    block.add_new(99, "LT", "mother Oksana")
    assert shown(tmp_path, {"oksana_film_1.dcm": dataset}) == ["***_film_1.dcm"]


@pytest.mark.parametrize(
    ("vr", "value", "name"),
    [
        ("CS", "QZCODE", "QZCODE.dcm"),
        ("IS", "8844221", "8844221.dcm"),
        ("DS", "8844221.0", "8844221.dcm"),
        ("LO", "Oksana", "oksana.dcm"),
    ],
)
def test_a_private_code_or_number_is_blanked(vr, value, name):
    dataset = header()
    dataset.private_block(0x0011, "ACME", create=True).add_new(1, vr, value)
    words = identity(dataset).words
    assert safe_name(f"n{name}", words) == "n***.dcm"


def test_small_numbers_and_fractions_of_private_elements_are_no_words():
    dataset = header()
    block = dataset.private_block(0x0011, "ACME", create=True)
    block.add_new(1, "IS", ["1024", "31"])
    block.add_new(2, "DS", ["0.123456789", "1024.0"])
    words = identity(dataset).words
    assert safe_name("film_1024_31_123456789.dcm", words) == "film_1024_31_123456789.dcm"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("InstitutionName", "UKB"),
        ("InstitutionName", "UKB Bonn"),
        ("InstitutionalDepartmentName", "ukb"),
        ("IssuerOfPatientID", "UKB"),
    ],
)
def test_a_hospital_of_three_letters_is_blanked(tmp_path, keyword, value):
    files = {"UKB_IM1.dcm": header(**{keyword: value}), "UKB_IM2.dcm": header("Roe^Ann", "X2")}
    assert shown(tmp_path, files) == ["***_IM1.dcm", "***_IM2.dcm"]


def test_small_words_of_a_hospitals_name_are_not_searched_for_in_others():
    words = identity(header(InstitutionName="Klinik DER Stadt und Land")).words
    assert safe_name("under_hunde_for.dcm", words) == "under_hunde_for.dcm"


def test_files_that_would_be_shown_alike_are_numbered_in_their_order(tmp_path):
    files = {
        "Adler_Eva/IM1.dcm": header("Adler^Eva", "X1"),
        "Busch_Ida/IM1.dcm": header("Busch^Ida", "X2"),
        "Busch_Ida/film.dcm": header("Busch^Ida", "X2"),
        "Cramer_Ute/IM1.dcm": header("Cramer^Ute", "X3"),
    }
    expected = ["***/IM1.dcm", "***/IM1.dcm (2)", "***/film.dcm", "***/IM1.dcm (3)"]
    assert shown(tmp_path, files) == expected
    assert shown(tmp_path, files) == expected


def test_a_number_is_never_that_of_a_file_whose_name_ends_so(tmp_path):
    files = {"Adler": header("Adler^A", "X1"), "Busch": header("Busch^B", "X2")}
    files |= {"*** (2)": header("Doe^Jo", "X3"), "Cramer": header("Cramer^C", "X4")}
    names = shown(tmp_path, files)
    assert names[2] == "*** (2)" and len(set(names)) == len(names)


@pytest.mark.parametrize(
    "name",
    ["jdoe", "doej", "JDoe01", "j_doe", "jd\N{LATIN SMALL LETTER O WITH DIAERESIS}"],
)
def test_a_name_of_three_letters_is_found_where_two_of_them_count_as_one(name):
    """oe, ue, ae and aa are compared as o, u, a: Doe as "do", which stands in many words."""
    shown = safe_name(f"window/dorsal/{name}/IM1.dcm", ["Doe", "Jane"])
    assert shown.startswith("window/dorsal/") and "***" in shown
    assert "do" not in shown.removeprefix("window/dorsal/").lower()


@pytest.mark.parametrize(
    ("name", "more", "known"),
    [
        ("Schmidt^Ute", {}, True),
        ("Schmidt^Ute", {"PatientIdentityRemoved": "YES"}, False),
        ("Schmidt^Ute", {"PatientIdentityRemoved": "NO"}, True),
        *((name, {}, False) for name in ("REDACTED", "de-identified", "Removed^By^PACS", "N^N")),
        *((name, {}, False) for name in ("Unbekannt", "Gelöscht", "PSEUDONYM", "Confidential")),
    ],
)
def test_a_folder_may_have_the_name_that_the_header_lost(tmp_path, name, more, known):
    files = {"Lehmann_Bobby/IM1.dcm": header(name, "R1", SpecificCharacterSet="ISO_IR 100", **more)}
    found = shown(tmp_path, files)
    assert found == (["Lehmann_Bobby/IM1.dcm"] if known else ["***_***/IM1.dcm"])
