"""The key of the pseudonyms: made once, waited for, and kept to its owner."""

import logging
import os
from pathlib import Path

import pytest

from data_prep.errors import UsageError
from data_prep.privacy import pseudonyms
from data_prep.privacy.pseudonyms import load_key


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path, caplog):
    path = tmp_path / "keys" / "key.txt"
    key = load_key(path)
    assert len(key) == 32 and path.read_text() == key.hex() + "\n"
    assert "made the pseudonym key" in caplog.text
    caplog.clear()
    assert load_key(path) == key and caplog.text == ""
    assert list(path.parent.iterdir()) == [path]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o640)
        with caplog.at_level(logging.WARNING):
            assert load_key(path) == key
        assert "other users can read the pseudonym key" in caplog.text


def test_a_key_that_is_there_is_not_waited_for_and_an_empty_file_is(tmp_path: Path, monkeypatch):
    path = tmp_path / "key.txt"
    path.write_text("ab" * 16)
    path.chmod(0o600)
    monkeypatch.setattr(pseudonyms.time, "sleep", lambda _: pytest.fail("it slept"))
    assert load_key(path) == b"\xab" * 16
    path.write_text("")
    waits = []

    def written_at_last(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            path.write_text("cd" * 16)

    monkeypatch.setattr(pseudonyms.time, "sleep", written_at_last)
    assert load_key(path) == b"\xcd" * 16 and len(waits) == 3


@pytest.mark.parametrize("text", ["", "ab" * 15, "no key", "a" * 33])
def test_a_file_without_a_key_of_32_digits_is_refused(tmp_path: Path, monkeypatch, text: str):
    (tmp_path / "key.txt").write_text(text)
    monkeypatch.setattr(pseudonyms.time, "sleep", lambda _: None)
    with pytest.raises(UsageError, match="not a pseudonym key; expected 32 or more"):
        load_key(tmp_path / "key.txt")


@pytest.mark.parametrize("links", [True, False])
def test_of_two_processes_that_make_a_key_the_first_wins(tmp_path: Path, monkeypatch, links: bool):
    """With links and on a file system without them."""
    path = tmp_path / "key.txt"
    link = os.link

    def late(source: Path, target: Path) -> None:
        path.write_text("ef" * 16)  # the other process
        path.chmod(0o600)
        if not links:
            raise OSError("no links here")
        link(source, target)

    monkeypatch.setattr(pseudonyms.os, "link", late)
    assert load_key(path) == b"\xef" * 16
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_gets_a_key_too(tmp_path: Path, monkeypatch):
    def none(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(pseudonyms.os, "link", none)
    key = load_key(tmp_path / "key.txt")
    assert len(key) == 32 and load_key(tmp_path / "key.txt") == key
