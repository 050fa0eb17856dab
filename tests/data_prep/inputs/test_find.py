"""What can be an input: archives, discs with an index, copies."""

import os
import re
import shutil
import zipfile
from pathlib import Path

import hazards
import numpy as np
import pytest
from flat_settings import settings
from pydicom.dataset import Dataset

from data_prep.datalist import DataError
from data_prep.inputs import headers
from data_prep.inputs.find import find
from data_prep.phantom.brains import make_brains
from data_prep.pipeline import run
from data_prep.read import archive
from data_prep.read.dicom.write import save_dicom


def zipped(folder: Path, path: Path) -> Path:
    return Path(shutil.make_archive(str(path.with_suffix("")), "zip", folder))


def write_index(folder: Path, **elements) -> Path:
    index = Dataset()
    index.SOPClassUID, index.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    index.update(elements)
    save_dicom(index, folder / "DICOMDIR")
    return folder


def pictures(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


class TestArchives:
    def test_a_zipped_study_gives_the_pictures_of_the_study(self, study, tmp_path):
        table = shutil.copy(study / "cohort.csv", tmp_path / "cohort.csv")
        (tmp_path / "zips").mkdir()
        export = zipped(study, tmp_path / "zips" / "export.zip")
        common = {"size": 16, "jobs": 1}
        run(settings(study, tmp_path / "a", table=Path(table), **common))
        text = Path(table).read_text(encoding="utf-8").replace("films/", "")
        text = "\n".join(line.rsplit(",", 1)[0] for line in text.splitlines())  # no masks
        Path(table).write_text(text, encoding="utf-8")
        for source in (tmp_path / "zips", export):
            out = tmp_path / f"out-{source.name}"
            result = run(settings(source, out, table=Path(table), **common))
            assert result.exit_code == 0
            assert pictures(out) == {
                name: data for name, data in pictures(tmp_path / "a").items() if "mask" not in name
            }

    def test_nothing_is_unpacked_beside_the_archive(self, study, tmp_path, prepare):
        zipped(study / "films", tmp_path / "films.zip")
        before = sorted(tmp_path.iterdir())
        prepare("films.zip")
        new = {path.name for path in tmp_path.iterdir()} - {path.name for path in before}
        assert new == {"out", "out.key", "out.links.csv"}

    def test_damaged_nested_and_encrypted_archives_are_listed(self, study, tmp_path, prepare):
        folder = tmp_path / "zips"
        folder.mkdir()
        whole = zipped(study / "films", folder / "whole.zip").read_bytes()
        (folder / "cut.zip").write_bytes(whole[: len(whole) // 2])
        with zipfile.ZipFile(folder / "outer.zip", "w") as outer:
            outer.writestr("inner.zip", whole)
        locked = bytearray(whole)
        for entry in re.finditer(rb"PK\x01\x02", whole):
            locked[entry.start() + 8] |= 1  # general purpose bit 0 in the central directory
        (folder / "locked.zip").write_bytes(bytes(locked))
        result = prepare("zips", pseudonyms="given")
        why = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert why.pop("cut.zip") == "damaged archive"
        assert why.pop("outer.zip/inner.zip") == "an archive inside an archive"
        assert set(why.values()) == {"the archive is encrypted"} and len(why) == 8
        assert sum(o.taken for o in result.outcomes) == 8

    def test_a_member_that_unpacks_without_end_is_refused(self, tmp_path, monkeypatch, prepare):
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
            bomb.writestr("a.dcm", b"\0" * 128 + b"DICM" + bytes(4 << 20))
        monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
        monkeypatch.setattr(archive.read, "__defaults__", (1 << 20,))
        result = prepare("bomb.zip", jobs=0)
        assert [o.reason for o in result.outcomes] == ["too large to be a film"]

    def test_an_office_document_is_no_archive(self, tmp_path):
        path = tmp_path / "letter.docx"
        path.write_bytes(b"PK\x03\x04 and so on")
        assert not archive.is_archive(path, path.read_bytes())

    def test_a_dicom_series_in_an_archive_is_one_source(self, tmp_path):
        raw = make_brains(tmp_path / "brains", seed=0)
        brains = zipped(raw, tmp_path / "brains.zip")
        outside = [s.name for s in find(raw, "brains").sources]
        inside = [s.name for s in find(brains, "brains").sources]
        assert inside == [f"brains.zip/{name}" for name in outside] and inside


class TestDiscs:
    @pytest.fixture
    def disc(self, tmp_path, make_dicom) -> Path:
        """An exported disc whose index names one film that is not there."""
        rng = np.random.default_rng(0)
        records = []
        for k in (1, 2, 3):
            pixels = rng.integers(0, 4096, (32, 32)).astype(np.uint16)
            path = make_dicom(pixels, f"disc/PAT/IM{k}", PatientID=f"NR{k}")
            record = Dataset()
            record.DirectoryRecordType = "IMAGE"
            record.ReferencedFileID = ["pat", f"im{k}"]  # copied from a disc that had no capitals
            records.append(record)
        path.unlink()
        make_dicom(pixels + 1, "disc/PAT/EXTRA", PatientID="NR9")
        return write_index(tmp_path / "disc", DirectoryRecordSequence=records)

    def test_what_the_index_promises_and_nobody_finds_is_listed(self, disc, prepare):
        result = prepare("disc")
        why = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert why == {"pat/im3": "named in the table or the DICOMDIR, but not found"}
        assert sum(o.taken for o in result.outcomes) == 3

    def test_the_index_itself_as_input_means_its_files_alone(self, disc, prepare):
        result = prepare("disc/DICOMDIR")
        assert sorted(o.source for o in result.outcomes) == ["PAT/IM1", "PAT/IM2", "pat/im3"]

    def test_an_index_that_was_cut_is_said_to_be_damaged(self, tmp_path, prepare):
        (tmp_path / "disc").mkdir()
        beyond = {"OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity": 10**6}
        write_index(tmp_path / "disc", DirectoryRecordSequence=[], **beyond)
        with pytest.raises(DataError, match="this DICOMDIR is damaged"):
            prepare("disc/DICOMDIR")


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
