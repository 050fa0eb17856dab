import datetime
import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_prep.privacy import facts
from data_prep.privacy.identity import Identity, identity
from data_prep.privacy.pseudonyms import load_key, study_pseudonym, subject_pseudonym
from data_prep.privacy.scrubbing import safe_name, safe_subject, scrub

KEY = b"a" * 32


def film(**header) -> Dataset:
    dataset = Dataset()
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_pseudonym_depends_on_identifier_and_key_and_shows_neither():
    one = subject_pseudonym("4711", KEY)
    assert one == subject_pseudonym(" 4711 ", KEY)
    assert one != subject_pseudonym("4711", b"b" * 32)
    assert one != subject_pseudonym("4712", KEY)
    assert one.startswith("sub-") and "4711" not in one


def test_a_study_and_a_subject_of_the_same_text_share_no_digits():
    study, subject = (f("1.2.3", KEY) for f in (study_pseudonym, subject_pseudonym))
    assert study.startswith("ses-") and subject.startswith("sub-")
    assert study[4:] != subject[4:] and len(study) == len(subject) == 16


def test_composed_and_decomposed_accents_are_one_patient():
    assert subject_pseudonym("Mu\u0308ller", KEY) == subject_pseudonym("M\u00fcller", KEY)


@pytest.mark.parametrize("name", [subject_pseudonym, study_pseudonym])
def test_an_empty_identifier_gets_no_pseudonym(name):
    with pytest.raises(ValueError, match="empty identifier"):
        name(" \0", KEY)


def test_the_key_is_made_once_and_is_private(tmp_path, caplog):
    path = tmp_path / "out.key"
    key = load_key(path)
    assert "protect it" in caplog.text and key.hex() not in caplog.text
    assert len(key) == 32 and load_key(path) == key
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    path.write_text("not a key", encoding="utf-8")
    with pytest.raises(ValueError, match="not a pseudonym key"):
        load_key(path)


@pytest.mark.skipif(os.name != "posix", reason="files have such rights on POSIX only")
def test_a_key_that_others_can_read_is_warned_of(tmp_path, caplog):
    path = tmp_path / "out.key"
    load_key(path)
    path.chmod(0o644)
    load_key(path)
    assert "other users can read" in caplog.text


@pytest.mark.parametrize("links", [True, False])
def test_all_who_ask_for_the_key_at_once_get_the_same(tmp_path, monkeypatch, links):
    def refuse(*args):
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "keys" / "out.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_key(path), range(64)))
    assert len(keys) == 1
    assert [one.name for one in path.parent.iterdir()] == ["out.key"]


def test_subject_names_become_folder_names_and_stay_different():
    assert safe_subject("sub-007") == "sub-007"
    given = ("A/1", "A 1", "A-1", "../A-1", "Ä1", "ß", "A~2F1", ".", "..")
    names = {safe_subject(name) for name in given}
    assert len(names) == len(given)
    assert all(name and not set(name) & set("/\\.: ") for name in names)


def test_a_subject_folder_holds_no_hash_that_confirms_its_name():
    assert safe_subject("Meier, Anna") == "Meier~2C~20Anna"
    with pytest.raises(ValueError, match="--pseudonyms keyed") as error:
        safe_subject("Ä" * 100)
    assert "Ä" not in str(error.value)


def test_facts_are_codes_numbers_and_recognised_words_and_fit_into_json():
    known = facts.facts(
        film(
            Modality="DX",
            ViewPosition="PA",
            Manufacturer="Bought by Dr Geiger from SIEMENS Healthineers",
            BodyPartExamined="CHEST PA",
            ImageLaterality="u",
            PresentationIntentType="FOR PRESENTATION",
            RecognizableVisualFeatures="NO",
            LossyImageCompression="01",
            PatientSex="F",
            PatientAge="034Y",
            Rows=2048,
            StudyDescription="Geiger",
        )
    )
    assert known == {
        "modality": "DX",
        "view": "PA",
        "manufacturer": "Siemens",
        "body_part": "CHEST",
        "laterality": "U",
        "intent": "FOR PRESENTATION",
        "recognizable_features": "NO",
        "lossy": "01",
        "sex": "F",
        "age": 34,
        "rows": 2048,
    }
    assert json.loads(json.dumps(known)) == known


@pytest.mark.parametrize("keyword", ["PatientSex", "ViewPosition", "Modality", "PatientAge"])
def test_a_value_outside_its_list_is_left_out(keyword):
    assert facts.facts(film(**{keyword: "MEIER"})) == {}
    assert facts.facts(film(NumberOfFrames="19531224")) == {}  # a date where a number belongs


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        *[(text, "GE") for text in ("GE Healthcare", '"GE MEDICAL SYSTEMS"')],
        *[(text, "Fujifilm") for text in ("FUJIFILM Corporation", "FUJI PHOTO FILM Co., ltd.")],
        *[("Philips Medical Systems", "Philips"), ("Agfa-Gevaert", "Agfa")],
        *[("KONICA MINOLTA", "Konica Minolta"), ("Canon Inc.", "Canon")],
        *[("Geiger", "other"), ("Hagemann", "other"), (" ", None)],
    ],
)
def test_the_maker_is_recognised_and_its_text_stays(text, maker):
    assert facts.facts(film(Manufacturer=text)).get("manufacturer") == maker


@pytest.mark.parametrize(
    ("header", "age"),
    [
        *[({"PatientAge": age}, years) for age, years in (("089Y", 89), ("018M", 1), ("003W", 0))],
        *[({"PatientAge": age}, "90+") for age in ("090Y", "118Y")],
        ({"StudyDate": "20200131", "PatientBirthDate": "19300201"}, 89),
        ({"StudyDate": "20200201", "PatientBirthDate": "19300201"}, "90+"),
        ({"StudyDate": "20200201", "PatientBirthDate": "20210201"}, None),
        ({"StudyDate": "20200201", "PatientBirthDate": "18000101"}, None),
        ({"PatientBirthDate": "19300201"}, None),
    ],
)
def test_age_is_in_years_and_ends_at_ninety(header, age):
    assert facts.facts(film(**header)).get("age") == age


def test_dates_become_days_from_the_first_study():
    days = [datetime.date(2019, 12, 31), None, datetime.date(2019, 11, 30)]
    assert facts.days_since_first(days) == [31, None, 0]
    assert facts.days_since_first([None]) == [None]
    assert facts.days_since_first([]) == []


def test_days_do_not_tell_the_season():
    moved = datetime.timedelta(days=200)
    days = [datetime.date(2019, 1, 3), datetime.date(2020, 5, 1)]
    assert facts.days_since_first(days) == facts.days_since_first([day + moved for day in days])


def test_identity_tells_who_and_when_and_sorts_films():
    header = dict(
        PatientID="4711", StudyDate="20200131", StudyTime="0930", StudyInstanceUID="2.25.7"
    )
    early = identity(film(**header, SeriesNumber="2", InstanceNumber="9"))
    late = identity(film(**header, SeriesNumber="2", InstanceNumber="10"))
    later = identity(film(**header, SeriesNumber="10"))
    assert early.who == "4711" and early.study_uid == "2.25.7"
    assert early.study_date == datetime.date(2020, 1, 31)
    assert sorted([later.order, late.order, early.order]) == [early.order, late.order, later.order]
    assert pickle.loads(pickle.dumps(early)) == early
    assert identity(film(**header), words=False).words == ()


def test_the_same_number_of_two_hospitals_is_two_patients():
    one, two = (identity(film(PatientID="7", IssuerOfPatientID=i)) for i in ("A", "B"))
    assert one.who != two.who
    assert identity(film(PatientID="7")).who == "7"
    assert identity(film(PatientName="Meier^Anna^^")).who == "Meier^Anna"


def test_a_date_that_an_export_blanked_is_no_date():
    assert identity(film(StudyDate="19000101")).study_date is None
    assert identity(film()).study_date is None
    assert identity(film()) == Identity()


def test_words_come_from_every_level_and_private_elements():
    inner = film(InstitutionName="Klinik Sankt Elisabeth", AccessionNumber="ACC99")
    dataset = film(PatientName="Li^Bo", RequestAttributesSequence=Sequence([inner]))
    block = dataset.private_block(0x0009, "Acme", create=True)
    block.add_new(1, "UN", b"\x01\x02Ottokar \x00")
    words = identity(dataset).words
    assert {"Li^Bo", "Bo^Li", "Sankt", "Elisabeth", "ACC99", "Ottokar"} <= set(words)


def test_words_of_the_trade_are_no_identifiers():
    dataset = film(SeriesDescription="Chest lateral film", SOPClassUID="1.2.840.10008.5.1.4.1.1.1")
    assert set(identity(dataset).words) <= {"Chest lateral film"}


def test_a_broken_element_does_not_stop_the_others():
    dataset = film(PatientName="Meier^Anna")
    dataset.private_block(0x0009, "Acme", create=True).add_new(1, "LO", 17)
    assert "Meier" in identity(dataset).words


@pytest.mark.parametrize(
    "written",
    ["Müller", "MÜLLER", "Mu\u0308ller", "mueller", "Muller", "M%C3%BCller", "M%FCller", "MÃ¼ller"],
)
def test_a_name_is_blanked_however_it_was_written(written):
    assert scrub(f"x{written}7", ["Müller"]) == "x***7"


@pytest.mark.parametrize("written", ["Li^Bo", "li_bo", "LIBO", "Li, Bo", "Li%20Bo"])
def test_parts_of_a_name_may_be_parted_in_any_way(written):
    assert scrub(f"a {written} b", ["Li^Bo"]) == "a *** b"


@pytest.mark.parametrize(
    "written",
    ["19531224", "1953-12-24", "24.12.1953", "24.12.53", "12/24/1953", "531224", "24Dec1953"],
)
def test_a_known_date_is_blanked_in_any_form(written):
    assert scrub(f"a {written} b", ["19531224"]) == "a *** b"


def test_of_two_words_that_overlap_nothing_stays():
    assert scrub("strange_MeierAnna", ["GE Meier", "MeierAnna"]) == "stran***"
    assert scrub("abcdef xyz", ["abcd", "cdef", "bc"]) == "*** xyz"


def test_nothing_else_is_blanked():
    text = "too small to be a film: 12 x 40"
    assert scrub(text, ["", "x", "Meier", "19531224"]) == text


@pytest.mark.parametrize(
    "written", ["20200131", "2020-01-31", "31.01.2020", "31012020", "1.2.2020", "20200131142233"]
)
def test_dates_are_blanked_in_file_names_without_being_known(written):
    assert safe_name(f"x_{written}.dcm") == "x_***.dcm"


def test_uids_and_known_identifiers_are_blanked_in_file_names():
    assert safe_name("x/1.2.276.0.7230010.3.1.850819.dcm") == "x/...0819.dcm"
    assert safe_name("MEIER_anna/IM1.dcm", ["Meier", "Anna"]) == "***_***/IM1.dcm"
    assert safe_name("IM0031.dcm") == "IM0031.dcm"


def test_of_a_file_nobody_could_read_only_technical_words_stay():
    name = safe_name("Meier_Anna/film_IM0031_4711002.dcm", unread=True)
    assert name == "***_***/film_IM0031_***.dcm"


def test_names_are_fit_for_a_terminal():
    assert safe_name("a\x1b[31m\udcff.dcm").isprintable()
