"""What can be an input: copies, what hospitals have, films that somebody has looked at."""

import os
from pathlib import Path

import hazards
import numpy as np
import pytest
from flat_settings import settings

from data_prep.datalist import DataError
from data_prep.inputs import headers
from data_prep.pipeline import run


def pictures(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


class TestCopies:
    def test_one_of_two_exports_of_a_film_is_taken(self, tmp_path, make_dicom, ramp, prepare):
        make_dicom(ramp, "raw/a.dcm", StudyDate="20200101")
        make_dicom(ramp, "raw/b.dcm", StudyDate="20200101", SeriesNumber=7)
        make_dicom(ramp[::-1].copy(), "raw/c.dcm", StudyDate="20200101")
        for _ in range(2):  # and again where the first is kept
            result = prepare()
            left = [o for o in result.outcomes if o.status == "left"]
            assert [o.source for o in left] == ["b.dcm"]
            assert left[0].reason == "a copy: the same pixel data as another file"
            assert left[0].details["detail"] == "as a.dcm"
            assert len(pictures(tmp_path / "out")) == 2
            assert result.exit_code == 0

    def test_a_copy_under_another_subject_has_its_own_reason(
        self, make_dicom, ramp, caplog, prepare
    ):
        make_dicom(ramp, "raw/a.dcm", PatientID="ONE-1")
        make_dicom(ramp, "raw/b.dcm", PatientID="TWO-2")
        result = prepare()
        reasons = [o.reason for o in result.outcomes if not o.taken]
        assert reasons == ["a copy: the same pixel data as another file of another subject"]
        assert "1 inputs hold the same picture" in caplog.text

    def test_a_picture_that_is_called_healthy_and_diseased_is_not_taken(
        self, tmp_path, make_dicom, ramp, prepare
    ):
        for name in "abc":
            make_dicom(ramp if name < "c" else ramp[::-1].copy(), f"raw/{name}.dcm")
        lines = [
            "image,subject,section,label",
            "a.dcm,A,test,0",
            "b.dcm,A,test,1",
            "c.dcm,B,test,1",
        ]
        (tmp_path / "t.csv").write_text("\n".join(lines))
        result = prepare(table=tmp_path / "t.csv")
        left = {o.source: o for o in result.outcomes if not o.taken}
        assert [*left] == ["a.dcm", "b.dcm"]
        assert all("one is called healthy, the other diseased" in o.reason for o in left.values())
        assert left["a.dcm"].details["detail"] == "as b.dcm"

    @pytest.mark.parametrize(("born", "people"), [("1960", 1), ("1971", 2)])
    def test_a_number_without_its_issuer_is_that_of_the_one_issuer(
        self, make_dicom, ramp, prepare, caplog, born, people
    ):
        make_dicom(ramp, "raw/a.dcm", PatientID="47", PatientBirthDate="19600101")
        more = {"PatientBirthDate": f"{born}0101", "IssuerOfPatientID": "HOSP"}
        make_dicom(ramp[::-1].copy(), "raw/b.dcm", PatientID="47", **more)
        result = prepare()
        assert len({i.subject for o in result.outcomes for i in o.images}) == people
        assert ("with their issuer and in others without" in caplog.text) == (people == 1)

    def test_a_backslash_in_a_number_is_part_of_it(self, make_dicom, ramp, prepare):
        make_dicom(ramp, "raw/a.dcm", PatientID="HOSP\\001")
        make_dicom(ramp[::-1].copy(), "raw/b.dcm", PatientID="HOSP\\002")
        result = prepare()
        assert len({i.subject for o in result.outcomes for i in o.images}) == 2

    def test_between_sections_the_test_set_keeps_its_copy(self, make_dicom, ramp, prepare):
        make_dicom(ramp, "raw/training_mixed/a.dcm", PatientID="ONE-1")
        make_dicom(ramp, "raw/test/b.dcm", PatientID="TWO-2")
        result = prepare()
        assert result.dataset is not None
        sizes = {name: len(items) for name, items in result.dataset.sections.items()}
        assert sizes["test"] == 1 and sizes["training_mixed"] == 0


class TestWhatHospitalsHave:
    def test_a_scan_that_dies_never_makes_another_patient_of_a_film(
        self, make_dicom, ramp, monkeypatch, prepare
    ):
        for k in (1, 2, 3, 4):
            make_dicom(np.roll(ramp, k), f"raw/IM000{k}.dcm", PatientID="ONE-1")
        monkeypatch.setattr(headers, "scan_source", hazards.scan_that_dies_at_film_3)
        result = prepare()
        assert len({image.subject for o in result.outcomes for image in o.images}) == 1
        lost = [o for o in result.outcomes if not o.taken]
        assert [o.source for o in lost] == ["IM0003.dcm"]
        assert lost[0].reason == "the decoder crashed on this input"

    def test_names_that_are_no_utf_8_do_no_harm(self, tmp_path, make_dicom, ramp, prepare):
        path = make_dicom(ramp, "raw/x.dcm")
        odd = os.fsdecode(b"M\xfcller.dcm")
        try:
            path.rename(path.with_name(odd))
        except OSError:
            pytest.skip("this file system takes UTF-8 alone")
        assert prepare().exit_code == 0
        assert b"M\xfcller.dcm" in (tmp_path / "out.links.csv").read_bytes()

    def test_pipes_and_linked_folders_are_listed_and_not_opened(
        self, tmp_path, make_dicom, ramp, prepare
    ):
        make_dicom(ramp, "raw/a.dcm")
        make_dicom(ramp, "elsewhere/b.dcm")
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(tmp_path / "raw" / "pipe.dcm")
        (tmp_path / "raw" / "study").symlink_to(tmp_path / "elsewhere")
        result = prepare()
        why = sorted(o.reason for o in result.outcomes if not o.taken)
        assert why == [
            "a link to a folder; links are not followed",
            "no regular file: a pipe, a socket or a device",
        ]

    def test_output_inside_the_input_is_no_input_in_this_run_or_a_later_one(
        self, tmp_path, make_dicom, ramp, caplog, prepare
    ):
        make_dicom(ramp, "raw/a.dcm")
        inside = settings(tmp_path / "raw", tmp_path / "raw" / "first", size=16)
        for _ in range(2):
            assert [o.source for o in run(inside).outcomes] == ["a.dcm"]
        assert [o.source for o in prepare().outcomes if o.taken] == ["a.dcm"]
        assert "made by data_prep" in caplog.text

    def test_one_instance_with_two_pictures_is_noted(self, make_dicom, ramp, prepare):
        for k in (1, 2):
            make_dicom(np.roll(ramp, k), f"raw/{k}.dcm", SOPInstanceUID="1.2.3.4.5")
        result = prepare()
        assert "same SOP Instance UID, but other pixels (2 inputs)" in result.summary


@pytest.mark.parametrize("pseudonyms", ["keyed", "given"])
def test_a_file_whose_name_is_a_blank_stops_nothing(
    make_dicom, ramp, tmp_path, prepare, pseudonyms
):
    for k, name in enumerate((" .dcm", "a/ .dcm", " ")):
        make_dicom(np.roll(ramp, k), f"raw/{name}", PatientID="", PatientName="")
    result = prepare(pseudonyms=pseudonyms)
    assert [o.taken for o in result.outcomes] == [True] * 3
    assert len({image.subject for o in result.outcomes for image in o.images}) == 3


class TestFilmsThatSomebodyHasLookedAt:
    @pytest.fixture
    def films(self, tmp_path, make_dicom) -> Path:
        rng = np.random.default_rng(0)
        for name in ("Amsel", "Busch"):
            pixels = rng.integers(0, 4096, (32, 32)).astype(np.uint16)
            header = {"PatientName": f"{name}^X", "PatientID": name, "BurnedInAnnotation": "YES"}
            make_dicom(pixels, f"raw/{name}.dcm", **header)
        return tmp_path / "raw"

    def test_only_those_that_are_listed_are_taken(self, films, tmp_path, prepare):
        (tmp_path / "looked.txt").write_text("Busch.dcm\n")
        result = prepare(cleared=tmp_path / "looked.txt")
        taken = {o.source: o.taken for o in result.outcomes}
        assert taken == {"***.dcm": False, "***.dcm (2)": True}

    def test_a_number_that_moves_with_the_other_files_clears_nobody(self, films, tmp_path, prepare):
        (tmp_path / "looked.txt").write_text("***.dcm (2)\n")
        with pytest.raises(DataError, match="1 of its 1 lines are no input"):
            prepare(cleared=tmp_path / "looked.txt")
