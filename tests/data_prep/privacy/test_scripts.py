"""Names in every script, spelling and character set: none is shown, technical words are."""

import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from planted_names import (
    CODECS,
    DECLARED,
    PEOPLE,
    encoded,
    film,
    save_with_raw_name,
    zip_with_raw_names,
)
from pydicom.dataset import Dataset

from data_prep.inputs.find import find
from data_prep.inputs.headers import scan
from data_prep.privacy.identity import identity
from data_prep.privacy.letters import fold
from data_prep.privacy.scrubbing import safe_name, scrub
from data_prep.read.dicom.write import save_dicom
from data_prep.work.pools import Inline

SPELLINGS = [
    pytest.param(script, text, id=f"{script}-{k}")
    for script, (*_, texts) in PEOPLE.items()
    for k, text in enumerate(texts)
]


def listed(folder: Path, files: dict[str, Dataset]) -> list[str]:
    for name, dataset in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save_dicom(dataset, folder / name)
    return [source.shown for source in scan(find(folder).sources, Inline())]


def bare(shown: str) -> str:
    return fold(shown.replace("***", "/"))


@pytest.mark.parametrize(("script", "text"), SPELLINGS)
def test_a_name_of_a_conformant_header_is_not_shown(tmp_path, script, text):
    family, given, _ = PEOPLE[script]
    for form in ("NFC", "NFD"):
        folder = tmp_path / form
        name = unicodedata.normalize(form, text)
        (shown,) = listed(folder, {f"{name}/IM1.dcm": film(f"{family}^{given}")})
        assert bare(shown).removeprefix("jr") in ("im1dcm", "mjim1dcm"), shown
    assert bare(safe_name(quote(text) + "/x.dcm")) in (fold(text) + "xdcm", "xdcm")


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("codec", CODECS)
def test_a_name_in_another_character_set_than_the_header_says_is_not_shown(
    tmp_path, codec, declared
):
    for script, (family, given, texts) in PEOPLE.items():
        raw = dict(encoded(f"{family}^{given}")).get(codec)
        for text in texts if raw is not None else ():
            save_with_raw_name(tmp_path / script / text / "IM1.dcm", raw, declared)
    shown = [source.shown for source in scan(find(tmp_path).sources, Inline())]
    assert len(shown) >= 3
    for name, source in zip(shown, find(tmp_path).sources, strict=True):
        rest = bare(name.split("/")[1])  # single letters of M_ller stay
        assert rest in ("", "mj"), (name, source.name)


def test_three_groups_and_other_elements_hold_names_too(tmp_path):
    told = film("Yamada^Tarou=山田^太郎=やまだ^たろう")
    other = film("Doe^Jo", OtherPatientNames="王^芳", OperatorsName="Đoković^Ana")
    files = {
        "yamada tarou/山田太郎/やまだ/IM1.dcm": told,
        "Wang_Fang/王芳/IM2.dcm": other,
        "Djokovic/IM3.dcm": other,
    }
    assert listed(tmp_path, files) == ["***/IM3.dcm", "***_***/***/IM2.dcm", "***/***/***/IM1.dcm"]


@pytest.mark.parametrize("codec", CODECS)
def test_members_of_a_zip_without_the_utf8_flag_are_not_shown(tmp_path, codec):
    films = {}
    for number, (family, given, _) in enumerate(PEOPLE.values()):
        raw = dict(encoded(f"{family}_{given}")).get(codec)
        if raw is not None:
            member = tmp_path / f"{number}"
            save_dicom(film(f"{family}^{given}"), member)
            films[raw + f"/IM{number}.dcm".encode()] = member
    path = tmp_path / "disc.zip"
    zip_with_raw_names(path, films)
    shown = [source.shown for source in scan(find(path).sources, Inline())]
    assert shown
    for name in shown:
        disc, *folders, film_name = name.split("/")
        assert disc == "disc.zip" and film_name.startswith("IM")
        assert bare("/".join(folders)) == "", name


@pytest.mark.parametrize(
    "escaped",
    [
        "#U738b#U82b3",  # as unzip writes what the locale has not
        "\\u738b\\u82b3",
        "&#29579;&#33459;",
        "%E7%8E%8B%E8%8A%B3",
        "└ε╨í├≈",  # GBK read as cp437
        "çŽ‹èŠ³",  # UTF-8 read as cp1252
        "\x1b$B2&K'\x1b(B",  # ISO 2022
        "M\udcfcller",  # bytes that are not UTF-8
        "王芳",
    ],
)
def test_letters_beyond_ascii_are_not_shown_in_any_disguise(escaped):
    assert safe_name(f"export/{escaped}/study1/IM1.dcm") == "export/***/study1/IM1.dcm"


@pytest.mark.parametrize(
    "path",
    ["study1/DX/série_3/IM1.dcm", "Thorax PA (2)/röntgen_1.dcm", "胸部正位/DX/1.dcm",
     "снимки/1/x.dcm", "ＤＸ/Étude 4.dcm", "흉부/IM0001"],
)  # fmt: skip
def test_technical_words_of_other_languages_stay(path):
    assert safe_name(path) == unicodedata.normalize("NFC", path)
    assert safe_name(unicodedata.normalize("NFD", path), unread=True) == path


@pytest.mark.parametrize("path", ["Ward_B/Thorax_Klinik/IM0001.dcm", "study1/DX/Serie_3/x.dcm"])
def test_a_name_in_ascii_does_not_hide_the_other_words_of_a_path(tmp_path, path):
    assert listed(tmp_path, {path: film("Roe^Ann")}) == [path]


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("Li^Na", "Li_Na", "***"),
        ("Li^Na", "LiNa 2", "*** 2"),
        ("Li^Na", "na.li", "***"),
        ("Ng^Bo", "NG2_IM1", "***2_IM1"),
        ("Wang^XiaoDong", "wang_xiao_dong", "***"),
        ("O'Brien^Mary Ann", "OBrien_MaryAnn", "***"),
        ("Garcia-Lopez^Jose", "GARCIALOPEZ", "***"),
        ("Mueller^Jo", "Muller", "***"),
        ("Muller^Jo", "MUELLER", "***"),
        ("M?ller^J?rgen", "Mueller_Juergen", "***_***"),
        ("Meier^Anna", "A_M", "***"),
        ("Meier^Anna", "MA_1", "***_1"),
        ("Meier^Anna", "Me/ier", "***"),
        ("Peters^Anna^Maria^Dr^PhD", "maria-peters", "***-***"),
        ("Peters^Ida^^Mr", "MR", "MR"),
        ("Patel^Asha", "PA", "PA"),  # a view before initials
    ],
)
def test_short_joined_split_and_reversed_names_are_not_shown(tmp_path, name, written, shown):
    assert listed(tmp_path, {f"{written}.dcm": film(name)}) == [f"{shown}.dcm"]


@pytest.mark.parametrize("name", ["", "ANON^", "Anonymous", "SUBJ 12", "Unknown^Patient", "XXXX"])
def test_where_a_header_was_blanked_a_folder_does_not_tell_the_name(tmp_path, name):
    files = {"Meier_Anna/Thorax_2/IM1.dcm": film(name)}
    assert listed(tmp_path, files) == ["***_***/Thorax_2/IM1.dcm"]


def test_a_word_is_not_put_together_from_the_middles_of_others():
    assert scrub("cinema_nnals", ["Manna"]) == "cinema_nnals"
    assert scrub("alina", ["Li"]) == "alina"


def test_the_folder_of_a_name_in_other_letters_is_not_shown_for_other_films_in_it(tmp_path):
    files = {"Ivanov_S/IM1.dcm": film("Иванов^С"), "Ivanov_S/IM2.dcm": film("Roe^Ann")}
    assert listed(tmp_path, files) == ["***_S/IM1.dcm", "***_S/IM2.dcm"]


def test_a_header_with_all_its_letters_in_ascii_is_known_completely():
    assert identity(film("Meier^Anna")).complete
    assert not identity(film("Müller^Anna")).complete
    assert not identity(film("M?ller^Anna")).complete


def test_equal_names_are_equal_in_ascii_and_beyond():
    assert len(set(map(fold, ("Müller", "MUELLER", "Muller", "ＭüＬＬＥＲ", "Mu\u0308ller")))) == 1
    assert fold("Æsøß ĐŁ ٣") == "asossdl3"
