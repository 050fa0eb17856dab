"""`healthygan table` drafts a table that `prep --table` takes, with the same pseudonyms."""

import csv
import doctest
import os

import numpy as np
import pydicom
import pytest
from PIL import Image
from sheets import WRITERS, pictures

from data_prep.cli.main import main
from data_prep.datalist import read
from data_prep.inputs import draft
from data_prep.phantom.brains import make_brains
from data_prep.phantom.study import make_films
from data_prep.privacy.pseudonyms import load_key, subject_pseudonym

FILMS = {"training_mixed": 3, "training_healthy": 3, "validation": 2, "test": 2}


def subjects(folder) -> dict[str, str]:
    """Input -> subject, of a prepared folder."""
    with (folder.parent / f"{folder.name}.links.csv").open(encoding="utf-8") as file:
        return {row["input"]: row["subject"] for row in csv.DictReader(file) if row["subject"]}


def rows_of(table) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_examples_are_true():
    result = doctest.testmod(draft)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("kind", ["films", "brains"])
def test_the_draft_gives_the_pseudonyms_that_no_table_gives(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    if kind == "films":
        make_films(tmp_path / "raw", counts=FILMS, size=64)
    else:
        make_brains(tmp_path / "raw", counts=dict.fromkeys(FILMS, 2))
    (tmp_path / "raw" / "cohort.csv").unlink()
    assert main(["table", "raw", "--jobs", "0"]) == 0
    table = tmp_path / "raw.table.csv"
    assert all(row["subject"].startswith("sub-") for row in rows_of(table))
    assert not any(row["image"].startswith("masks/") for row in rows_of(table))
    assert os.name != "posix" or table.stat().st_mode & 0o077 == 0
    common = ["--key", "raw.table.key", "--size", "16", "--jobs", "0"]
    assert main([kind, "raw", "drafted", "--table", table.name, *common]) == 0
    assert main([kind, f"raw/{kind}", "plain", *common]) == 0
    plain = {f"{kind}/{name}": who for name, who in subjects(tmp_path / "plain").items()}
    assert subjects(tmp_path / "drafted") == plain
    items = read(tmp_path / "drafted").sections["test"]
    assert len(items) >= len(plain) and not read(tmp_path / "drafted").sections["validation"]


def test_folders_say_sections_and_labels_and_the_filled_table_may_be_a_spreadsheet(tmp_path):
    for place in ("train/NORMAL", "train/other", "valid/normal", "valid/abnormal", "test/good"):
        (tmp_path / "raw" / place).mkdir(parents=True)
        pictures(tmp_path / "raw" / place / "x")
        for number, path in enumerate(sorted((tmp_path / "raw" / place / "x").iterdir())):
            if "abnormal" in place:  # not the pictures that are called normal
                Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
            path.rename(path.parent.parent / f"{place.replace('/', '-')}-{number}.png")
    (tmp_path / "raw" / "valid" / "masks").mkdir()
    pictures(tmp_path / "raw" / "valid" / "masks")
    raw, table = str(tmp_path / "raw"), tmp_path / "t.csv"
    assert main(["table", raw, str(table), "--jobs", "0"]) == 0
    found = {(os.path.dirname(r["image"]), r["section"], r["label"]) for r in rows_of(table)}
    assert found == {
        ("train/NORMAL", "training_healthy", ""),
        ("train/other", "training_mixed", ""),
        ("valid/normal", "validation", "0"),
        ("valid/abnormal", "validation", "1"),
        ("test/good", "test", "0"),
    }
    assert main(["table", raw, str(table), "--jobs", "0"]) == 2  # a filled table is not lost
    lines = rows_of(table)
    lines[1]["subject"] = lines[0]["subject"]  # one person, as somebody knows
    lines[1]["section"], lines[1]["label"] = lines[0]["section"], lines[0]["label"]
    filled = WRITERS[".xlsx"](
        tmp_path / "t.xlsx", [list(lines[0]), *(list(r.values()) for r in lines)]
    )
    common = ["--key", str(tmp_path / "t.key"), "--size", "16", "--jobs", "0"]
    assert main(["films", raw, str(tmp_path / "o"), "--table", str(filled), *common]) == 0
    made = subjects(tmp_path / "o")
    assert all(made[r["image"]] == r["subject"] for r in lines if r["image"] in made)
    first = lines[2]["image"]
    stem = os.path.basename(first).removesuffix(".png")
    assert lines[2]["subject"] == subject_pseudonym(stem, load_key(tmp_path / "t.key"))


def test_a_draft_with_another_key_is_warned_of(tmp_path, capsys):
    pictures(tmp_path / "raw")
    raw, table = str(tmp_path / "raw"), str(tmp_path / "t.csv")
    assert main(["table", raw, table, "--jobs", "0"]) == 0
    assert main(["films", raw, str(tmp_path / "o"), "--table", table, "--jobs", "0"]) == 0
    warning = "3 subjects of the table look like pseudonyms of another key"
    assert warning in capsys.readouterr().err
    assert main(["films", raw, str(tmp_path / "p"), "--table", table, "--jobs", "0",
                 "--key", str(tmp_path / "t.key")]) == 0  # fmt: skip
    assert warning not in capsys.readouterr().err


@pytest.mark.parametrize(("numbered", "warned"), [(True, False), (False, True)])
def test_a_name_that_many_share_is_warned_of(numbered, warned, tmp_path, capsys):
    films = make_films(tmp_path / "films", counts={"test": 3}, size=32)
    for number, path in enumerate(sorted(films.rglob("*.dcm"))):
        film = pydicom.dcmread(path)
        film.PatientID, film.PatientName = str(number) if numbered else "", "Anonymous"
        film.StudyInstanceUID = f"1.2.{number}"
        film.save_as(path)
    assert main(["table", str(films), str(tmp_path / "draft.csv"), "--pseudonyms", "keyed"]) == 0
    said = capsys.readouterr().err
    assert ("several studies and a name, but no patient ID" in said) == warned
    assert "Anonymous makes" in said or not warned


def test_no_table_is_drafted_of_a_folder_without_images(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("no image")
    assert main(["table", str(tmp_path / "in"), "--jobs", "0"]) == 1
    assert "no films among its 1 files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
