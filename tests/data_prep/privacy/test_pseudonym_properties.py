"""Pseudonyms: one name for one identifier and key, and nothing of the identifier in it."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.privacy.pseudonyms import BLANKS, study_pseudonym, subject_pseudonym

letters = st.characters(exclude_categories=())  # lone surrogates too: bytes of a file name
identifiers = st.text(letters, min_size=1, max_size=64).filter(lambda text: text.strip(BLANKS))
keys = st.binary(min_size=16, max_size=64)
blanks = st.text(BLANKS, max_size=5)


@given(identifiers, keys, blanks, blanks)
def test_blanks_and_the_form_of_accents_make_no_difference(identifier, key, before, after):
    name = subject_pseudonym(identifier, key)
    assert re.fullmatch(r"sub-[0-9a-f]{12}", name)
    for form in ("NFC", "NFD"):
        other = before + unicodedata.normalize(form, identifier) + after
        assert subject_pseudonym(other, key) == name
        assert study_pseudonym(other, key) == study_pseudonym(identifier, key)


@given(identifiers, identifiers, keys, keys)
def test_another_identifier_another_key_or_a_study_has_another_name(first, second, key, other):
    name = subject_pseudonym(first, key)
    alike = unicodedata.normalize("NFC", first.strip(BLANKS)) == unicodedata.normalize(
        "NFC", second.strip(BLANKS)
    )
    assert (subject_pseudonym(second, key) == name) is alike
    # HMAC pads a key with zeros (RFC 2104)
    if key.rstrip(b"\0") != other.rstrip(b"\0"):
        assert subject_pseudonym(first, other) != name
    study = study_pseudonym(first, key)
    assert re.fullmatch(r"ses-[0-9a-f]{12}", study) and study[4:] != name[4:]


@given(st.text("0123456789abcdef", min_size=6, max_size=12), keys)
def test_a_number_of_hexadecimal_digits_is_not_in_its_name(identifier, key):
    """Others cannot be in it at all; six digits are there by chance once in two million."""
    assert identifier not in subject_pseudonym(identifier, key)
    assert identifier not in study_pseudonym(identifier, key)


@given(blanks)
def test_an_identifier_of_blanks_would_make_one_subject_of_many(identifier):
    for pseudonym in (subject_pseudonym, study_pseudonym):
        with pytest.raises(ValueError, match="empty identifier"):
            pseudonym(identifier, b"k" * 32)
