from __future__ import annotations

import os

import pytest

from data_prep import deidentify


def test_a_pseudonym_depends_on_identifier_and_key_and_shows_neither():
    one = deidentify.pseudonym("4711", b"a" * 32)
    assert one == deidentify.pseudonym(" 4711 ", b"a" * 32)
    assert one != deidentify.pseudonym("4711", b"b" * 32)
    assert one != deidentify.pseudonym("4712", b"a" * 32)
    assert one.startswith("sub-") and "4711" not in one


def test_the_key_is_made_once_and_is_private(tmp_path):
    path = tmp_path / "out.key"
    key = deidentify.load_key(path)
    assert len(key) == 32 and deidentify.load_key(path) == key
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    path.write_text("not a key", encoding="utf-8")
    with pytest.raises(ValueError, match="not a pseudonym key"):
        deidentify.load_key(path)


def test_subject_names_become_folder_names_and_stay_different():
    assert deidentify.safe_subject("sub-007") == "sub-007"
    names = {deidentify.safe_subject(name) for name in ("A/1", "A 1", "A-1", "../A-1", "Ä1", "ß")}
    assert len(names) == 6
    assert all(name and "/" not in name and ".." not in name for name in names)


def test_uids_and_known_identifiers_are_blanked_in_file_names():
    assert deidentify.safe_name("x/1.2.276.0.7230010.3.1.850819.dcm") == "x/...0819.dcm"
    assert deidentify.safe_name("MEIER_anna/IM1.dcm", ["Meier", "Anna"]) == "***_***/IM1.dcm"
    assert deidentify.safe_name("IM0031.dcm") == "IM0031.dcm"
