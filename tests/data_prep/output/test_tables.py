"""The tables beside the data set: every input has a row, and the way back is private."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from planted import PLANTED

from data_prep.errors import UsageError
from data_prep.files import read_json


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def test_every_input_has_a_row_that_says_what_became_of_it(tmp_path, make_dicom, ramp, prepare):
    make_dicom(ramp, "raw/a.dcm", ViewPosition="PA")
    make_dicom(ramp[::-1].copy(), "raw/b.dcm", ViewPosition="LL")
    (tmp_path / "raw" / "c.dcm").write_bytes(b"")
    prepare()
    listed = rows(tmp_path / "out" / "inputs.csv")
    decisions = [(row["source"], row["decision"]) for row in listed]
    assert decisions == [("a.dcm", "taken"), ("b.dcm", "left"), ("c.dcm", "skipped")]
    assert listed[0]["view"] == "PA" and listed[0]["images"] == "1"
    skipped = rows(tmp_path / "out" / "skipped.csv")
    assert [row["source"] for row in skipped] == ["b.dcm", "c.dcm"]


def test_dates_become_intervals_and_studies_pseudonyms(tmp_path, make_dicom, ramp, prepare):
    for k, date in enumerate(("20200101", "20200111", "20200111")):
        uid = f"1.2.{date}"
        make_dicom(np.roll(ramp, k), f"raw/{k}.dcm", StudyDate=date, StudyInstanceUID=uid)
    prepare()
    sessions = rows(tmp_path / "out" / "sessions.tsv", "\t")
    assert [row["days_from_first_study"] for row in sessions] == ["0", "10", "10"]
    studies = [row["study"] for row in sessions]
    assert studies[0] != studies[1] == studies[2] and "2020" not in "".join(studies)


def test_the_way_back_is_beside_the_data_set_and_for_its_owner_alone(
    tmp_path, make_dicom, ramp, prepare
):
    make_dicom(ramp, f"raw/{PLANTED[0]}/a.dcm")
    prepare()
    links = tmp_path / "out.links.csv"
    (row,) = rows(links)
    assert row["input"] == f"{PLANTED[0]}/a.dcm"
    assert (tmp_path / "out" / row["image"]).is_file()
    assert links.stat().st_mode & 0o077 == 0 or os.name != "posix"


@pytest.mark.parametrize("pseudonyms", [None, "keyed", "given"])
def test_with_a_table_subjects_are_keyed_unless_given_is_said_and_the_output_says_which(
    study, tmp_path, prepare, pseudonyms
):
    said = {} if pseudonyms is None else {"pseudonyms": pseudonyms}
    result = prepare(table=study / "cohort.csv", **said)
    kind = pseudonyms or "keyed"
    assert read_json(tmp_path / "out" / "dataset.json")["generated_by"]["pseudonyms"] == kind
    page = (tmp_path / "out" / "prep_report.html").read_text(encoding="utf-8")
    told = {"keyed": "subjects have keyed pseudonyms", "given": "subjects have the names of the"}
    for name, text in told.items():
        assert (text in result.summary) is (name == kind)
        assert (text.capitalize() in page) is (name == kind)
    people = rows(tmp_path / "out" / "participants.tsv", "\t")
    assert {row["participant_id"][:4] for row in people} == {
        {"keyed": "sub-", "given": "phan"}[kind]
    }
    assert (tmp_path / "out.key").exists() is (kind == "keyed")


@pytest.mark.parametrize("pseudonyms", ["keyed", "given"])
def test_a_private_list_tells_which_file_each_masked_name_is(
    tmp_path, make_dicom, ramp, prepare, pseudonyms
):
    for k, name in enumerate(PLANTED[:2]):
        make_dicom(np.roll(ramp, k), f"raw/{name}/a.dcm", PatientName=f"{PLANTED[0]}^{PLANTED[1]}")
    make_dicom(ramp, "raw/x.dcm", Modality="CT")
    result = prepare(pseudonyms=pseudonyms)
    links = tmp_path / "out.links.csv"
    assert (
        f"{links.name} beside OUTPUT" in result.summary
        and str(tmp_path) not in result.summary.split("skipped or")[0]
    )
    assert links.stat().st_mode & 0o777 == 0o600 or os.name != "posix"
    shown = {row["shown"]: row["input"] for row in rows(links)}
    listed = rows(tmp_path / "out" / "inputs.csv")
    assert sorted(shown) == sorted(row["source"] for row in listed)
    assert {shown["***/a.dcm"], shown["***/a.dcm (2)"]} == {f"{name}/a.dcm" for name in PLANTED[:2]}


def test_the_key_is_not_sent_along(tmp_path, make_dicom, ramp, prepare):
    make_dicom(ramp, "raw/a.dcm")
    with pytest.raises(UsageError, match="must not lie in OUTPUT"):
        prepare(key_file=tmp_path / "out" / "key")
