"""Who an input shows, where no table says it: headers, BIDS and file names, and folders."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep.inputs.subjects import MOST_OF_A_PATIENT, whos_of
from data_prep.privacy.identity import Identity
from data_prep.source import Header, Source

KINDS = {".png": "picture", ".dcm": "dicom", ".nii.gz": "nifti"}


def source(name: str, who: str = "") -> Source:
    kind = next((kind for end, kind in KINDS.items() if name.endswith(end)), "series")
    return Source(name, Path(name), kind, header=Header(Identity(who=who)))


def whos(*names: str) -> list[str]:
    return [who for who, _ in whos_of([source(name) for name in names])]


@pytest.mark.parametrize("ending", KINDS)
def test_a_file_name_is_the_subject_where_no_other_folder_has_it(ending, caplog):
    assert whos(f"a/p1{ending}", f"b/p2{ending}") == ["p1", "p2"]
    assert caplog.text == ""


@pytest.mark.parametrize("ending", KINDS)
def test_a_patient_is_the_folder_where_all_folders_hold_the_same_names(ending, caplog):
    files = [f"P{k}/{name}{ending}" for k in (1, 2) for name in ("T1", "T2")]
    assert whos(*files, f"P2/extra{ending}", f"other{ending}") == [
        *("P1", "P1", "P2", "P2"),
        *("P2", "other"),  # extra lies in the folder of a patient
    ]
    assert "2 file names stand in several folders" in caplog.text
    assert "5 inputs count as 2 subjects" in caplog.text and "P1" not in caplog.text


def test_a_folder_of_many_films_is_no_patient():
    names = [f"{k:04d}.png" for k in range(MOST_OF_A_PATIENT + 1)]
    files = [f"{folder}/{name}" for folder in ("NORMAL", "PNEUMONIA") for name in names]
    assert len(set(whos(*files))) == len(files)


def test_sections_groups_and_labels_are_no_patients():
    """One patient may be in several; two films of one section may be of two."""
    assert whos("healthy/p1/film.png", "mixed/p1/film.png", "test/diseased/p2/film.png") == [
        *("p1", "p1"),
        "p2",
    ]
    assert len(set(whos("healthy/1.png", "healthy/2.png", "mixed/1.png", "mixed/2.png"))) == 4


def test_ixi_and_bids_names_are_subjects_in_any_folder(caplog):
    assert whos("a/IXI012-HH-1211-T1.nii.gz", "b/IXI012-HH-1211-T1.nii.gz") == ["IXI012"] * 2
    assert whos("sub-01/anat/T1.nii.gz", "sub-02/anat/T1.nii.gz") == ["sub-01", "sub-02"]
    assert caplog.text == ""


def test_one_bids_name_in_two_folders_is_told(caplog):
    assert whos("siteA/sub-01/T1.nii.gz", "siteB/sub-01/T1.nii.gz") == ["sub-01", "sub-01"]
    assert "1 BIDS subjects stand in several folders" in caplog.text


def test_headers_of_several_patients_go_before_a_folder_named_like_a_bids_subject(caplog):
    files = {f"sub-set1/{k}.dcm": f"ID{k // 2}" for k in range(4)}
    found = [who for who, _ in whos_of([source(name, who) for name, who in files.items()])]
    assert Counter(found) == {"ID0": 2, "ID1": 2}
    assert "DICOM headers name several patients" in caplog.text
    one = [source(f"sub-01/{k}.dcm", "ANON") for k in range(2)]
    two = [source(f"sub-02/{k}.dcm", "ANON") for k in range(2)]
    assert [who for who, _ in whos_of([*one, *two])] == ["sub-01"] * 2 + ["sub-02"] * 2


def test_a_header_goes_before_the_names_of_files_and_folders(caplog):
    same = [source("P1/film.dcm", "X"), source("P2/film.dcm", "X")]
    assert [who for who, _ in whos_of(same)] == ["X", "X"]
    assert caplog.text == ""


@pytest.mark.parametrize("table", [True, False])
def test_a_table_that_names_the_subjects_leaves_no_doubt_about_names(
    tmp_path, ramp, prepare, caplog, table
):
    lines = ["image,subject,section"]
    for k in range(4):
        path = tmp_path / "raw" / f"P{k}" / "film.png"
        path.parent.mkdir(parents=True)
        Image.fromarray((np.roll(ramp, k, axis=1) >> 8).astype(np.uint8)).save(path)
        lines.append(f"P{k}/film.png,case{k},training_mixed")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    prepare(**({"table": tmp_path / "table.csv"} if table else {}))
    assert ("stand in several folders" in caplog.text) is not table


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["A", "A", "B", "C"], True),  # one patient, two subjects
        (["A", "B", "C", "D"], False),
        (["A"] * 12, False),  # blanked at export
        (["", "", "B", "C"], False),
    ],
)
def test_a_patient_with_several_subjects_in_the_table_is_told(
    tmp_path, make_dicom, ramp, prepare, caplog, ids, told
):
    lines = ["image,subject,section,label"]
    for k, patient in enumerate(ids):
        film = np.roll(ramp, k, axis=1)
        make_dicom(film, f"raw/{k}.dcm", PatientID=patient, PatientName="")
        lines.append(f"{k}.dcm,case{k},{('test', 'validation')[k % 2]},{k // 2 % 2}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    prepare(table=tmp_path / "table.csv")
    assert ("1 patient IDs in headers have several subjects" in caplog.text) is told


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "1999.12.31"}, True),
        ({"PatientSex": "F"}, {"PatientSex": "M"}, True),
        ({"PatientSex": "F"}, {"PatientSex": "M", "PatientID": "P2"}, False),
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "1950.01.01"}, False),
        ({"PatientBirthDate": "19500203"}, {"PatientBirthDate": "1950"}, False),
        ({"PatientBirthDate": "19500203"}, {"PatientBirthDate": "19000101"}, False),  # blanked
        ({"PatientBirthDate": "19500203"}, {"PatientBirthDate": "00000000"}, False),
        ({"PatientBirthDate": "19500101", "PatientSex": "O"}, {"PatientSex": "m"}, False),
        ({"PatientSex": "F", "PatientID": ""}, {"PatientSex": "M", "PatientID": ""}, False),
    ],
)
def test_a_number_of_two_people_is_told(first, second, told, make_dicom, ramp, prepare, caplog):
    common = {"PatientID": "P1", "PatientBirthDate": "", "PatientSex": ""}
    for k, header in enumerate((first, second)):
        make_dicom(np.roll(ramp, k, axis=1), f"raw/{k}.dcm", **(common | header))
    caplog.clear()  # of what pydicom said of the dates
    prepare()
    assert ("1 patient IDs go with several years of birth or sexes" in caplog.text) == told
    assert "1950" not in caplog.text
