"""What can be an input: archives, discs with an index, copies; and what is told of each."""

import csv
import shutil
import zipfile
from pathlib import Path

import hazards
import numpy as np
import pytest
from flat_settings import settings
from planted import PLANTED

from data_prep import datalist
from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.frame import png
from data_prep.inputs.find import find
from data_prep.phantom import study as phantom
from data_prep.pipeline import run
from data_prep.read.archive import is_archive

COUNTS = {"training_mixed": 2, "training_healthy": 2, "validation": 2, "test": 2}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return phantom.make_films(tmp_path / "raw", seed=2, counts=COUNTS, size=32)


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def pictures(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


class TestArchives:
    def test_a_zipped_study_gives_the_pictures_of_the_study(self, study, tmp_path):
        table = shutil.copy(study / "cohort.csv", tmp_path / "cohort.csv")
        (tmp_path / "zips").mkdir()
        archive = zipped(study, tmp_path / "zips" / "export.zip")
        common = {"size": 16, "jobs": 1}
        run(settings(study, tmp_path / "a", table=Path(table), **common))
        text = Path(table).read_text(encoding="utf-8").replace("films/", "")
        text = "\n".join(line.rsplit(",", 1)[0] for line in text.splitlines())  # no masks
        Path(table).write_text(text, encoding="utf-8")
        for source in (tmp_path / "zips", archive):
            out = tmp_path / f"out-{source.name}"
            result = run(settings(source, out, table=Path(table), **common))
            assert result.exit_code == 0
            assert pictures(out) == {
                name: data for name, data in pictures(tmp_path / "a").items() if "mask" not in name
            }

    def test_nothing_is_unpacked_beside_the_archive(self, study, tmp_path):
        archive = zipped(study / "films", tmp_path / "films.zip")
        before = sorted(tmp_path.iterdir())
        run(settings(archive, tmp_path / "out", size=16))
        new = {path.name for path in tmp_path.iterdir()} - {path.name for path in before}
        assert new == {"out", "out.key", "out.links.csv"}

    def test_damaged_nested_and_encrypted_archives_are_listed(self, study, tmp_path):
        folder = tmp_path / "zips"
        folder.mkdir()
        whole = zipped(study / "films", folder / "whole.zip").read_bytes()
        (folder / "cut.zip").write_bytes(whole[: len(whole) // 2])
        with zipfile.ZipFile(folder / "outer.zip", "w") as archive:
            archive.writestr("inner.zip", whole)
        locked = bytearray(whole)
        for k in _all_starts(whole, b"PK\x01\x02"):
            locked[k + 8] |= 1  # general purpose bit 0 in the central directory
        (folder / "locked.zip").write_bytes(bytes(locked))
        result = run(settings(folder, tmp_path / "out", size=16, pseudonyms="given"))
        why = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert why.pop("cut.zip") == "damaged archive"
        assert why.pop("outer.zip/inner.zip") == "an archive inside an archive"
        assert set(why.values()) == {"the archive is encrypted"} and len(why) == 8
        assert sum(o.taken for o in result.outcomes) == 8

    def test_a_member_that_unpacks_without_end_is_refused(self, tmp_path, monkeypatch):
        from data_prep.read import archive

        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
            bomb.writestr("a.dcm", b"\0" * 128 + b"DICM" + bytes(4 << 20))
        monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
        monkeypatch.setattr(archive.read, "__defaults__", (1 << 20,))
        result = run(settings(tmp_path / "bomb.zip", tmp_path / "out", jobs=0))
        assert [o.reason for o in result.outcomes] == ["too large to be a film"]

    def test_an_office_document_is_no_archive(self, tmp_path):
        path = tmp_path / "letter.docx"
        path.write_bytes(b"PK\x03\x04 and so on")
        assert not is_archive(path, path.read_bytes())

    def test_a_dicom_series_in_an_archive_is_one_source(self, tmp_path):
        from data_prep.phantom.brains import make_brains

        raw = make_brains(tmp_path / "brains", seed=0)
        archive = zipped(raw, tmp_path / "brains.zip")
        outside = [s.name for s in find(raw, "brains").sources]
        inside = [s.name for s in find(archive, "brains").sources]
        assert inside == [f"brains.zip/{name}" for name in outside] and inside


class TestDiscs:
    @pytest.fixture
    def disc(self, tmp_path, make_dicom) -> Path:
        """An exported disc whose index names one film that is not there."""
        from pydicom.dataset import Dataset

        from data_prep.read.dicom.write import save_dicom

        rng = np.random.default_rng(0)
        index = Dataset()
        index.SOPClassUID = "1.2.840.10008.1.3.10"
        index.SOPInstanceUID = "1.2.3"
        index.DirectoryRecordSequence = []
        for k in (1, 2, 3):
            pixels = rng.integers(0, 4096, (32, 32)).astype(np.uint16)
            path = make_dicom(pixels, f"disc/PAT/IM{k}", PatientID=f"NR{k}")
            record = Dataset()
            record.DirectoryRecordType = "IMAGE"
            record.ReferencedFileID = ["pat", f"im{k}"]  # copied from a disc that had no capitals
            index.DirectoryRecordSequence.append(record)
        path.unlink()
        make_dicom(pixels + 1, "disc/PAT/EXTRA", PatientID="NR9")
        save_dicom(index, tmp_path / "disc" / "DICOMDIR")
        return tmp_path / "disc"

    def test_what_the_index_promises_and_nobody_finds_is_listed(self, disc, tmp_path):
        result = run(settings(disc, tmp_path / "out", size=16))
        why = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert why == {"pat/im3": "named in the table or the DICOMDIR, but not found"}
        assert sum(o.taken for o in result.outcomes) == 3

    def test_the_index_itself_as_input_means_its_files_alone(self, disc, tmp_path):
        result = run(settings(disc / "DICOMDIR", tmp_path / "out", size=16))
        assert sorted(o.source for o in result.outcomes) == ["PAT/IM1", "PAT/IM2", "pat/im3"]


class TestCopies:
    def test_one_of_two_exports_of_a_film_is_taken(self, tmp_path, make_dicom, ramp):
        make_dicom(ramp, "raw/a.dcm", StudyDate="20200101")
        make_dicom(ramp, "raw/b.dcm", StudyDate="20200101", SeriesNumber=7)
        make_dicom(ramp[::-1].copy(), "raw/c.dcm", StudyDate="20200101")
        for _ in range(2):  # and again where the first is kept
            result = run(settings(tmp_path / "raw", tmp_path / "out", size=16))
            left = [o for o in result.outcomes if o.status == "left"]
            assert [o.source for o in left] == ["b.dcm"]
            assert left[0].reason == "a copy: the same pixel data as another file"
            assert left[0].details["detail"] == "as a.dcm"
            assert len(pictures(tmp_path / "out")) == 2
            assert result.exit_code == 0

    def test_a_copy_under_another_subject_is_told_apart(self, tmp_path, make_dicom, ramp, caplog):
        make_dicom(ramp, "raw/a.dcm", PatientID="ONE-1")
        make_dicom(ramp, "raw/b.dcm", PatientID="TWO-2")
        result = run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        reasons = [o.reason for o in result.outcomes if not o.taken]
        assert reasons == ["a copy: the same pixel data as another file of another subject"]
        assert "1 inputs hold the same picture" in caplog.text

    def test_between_sections_the_test_set_keeps_its_copy(self, tmp_path, make_dicom, ramp):
        make_dicom(ramp, "raw/training_mixed/a.dcm", PatientID="ONE-1")
        make_dicom(ramp, "raw/test/b.dcm", PatientID="TWO-2")
        result = run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        assert result.dataset is not None
        sizes = {name: len(items) for name, items in result.dataset.sections.items()}
        assert sizes["test"] == 1 and sizes["training_mixed"] == 0


class TestLists:
    def test_every_input_has_a_row_that_says_what_became_of_it(self, tmp_path, make_dicom, ramp):
        make_dicom(ramp, "raw/a.dcm", ViewPosition="PA")
        make_dicom(ramp[::-1].copy(), "raw/b.dcm", ViewPosition="LL")
        (tmp_path / "raw" / "c.dcm").write_bytes(b"")
        run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        told = {row["source"]: row for row in rows(tmp_path / "out" / "inputs.csv")}
        assert [told[name]["decision"] for name in sorted(told)] == ["taken", "left", "skipped"]
        assert told["a.dcm"]["view"] == "PA" and told["a.dcm"]["images"] == "1"
        listed = rows(tmp_path / "out" / "skipped.csv")
        assert [row["source"] for row in listed] == ["b.dcm", "c.dcm"]

    def test_dates_become_intervals_and_studies_pseudonyms(self, tmp_path, make_dicom, ramp):
        dates = ("20200101", "20200111", "20200111")
        for k, date in enumerate(dates):
            make_dicom(
                np.roll(ramp, k), f"raw/{k}.dcm", StudyDate=date, StudyInstanceUID=f"1.2.{date}"
            )
        run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        told = rows(tmp_path / "out" / "sessions.tsv", "\t")
        assert [row["days_from_first_study"] for row in told] == ["0", "10", "10"]
        studies = [row["study"] for row in told]
        assert studies[0] != studies[1] == studies[2] and "2020" not in "".join(studies)

    def test_the_way_back_lies_beside_the_data_set_and_for_its_owner_alone(
        self, tmp_path, make_dicom, ramp
    ):
        make_dicom(ramp, f"raw/{PLANTED[0]}/a.dcm")
        run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        links = tmp_path / "out.links.csv"
        (row,) = rows(links)
        assert row["input"] == f"{PLANTED[0]}/a.dcm"
        assert (tmp_path / "out" / row["image"]).is_file()
        assert links.stat().st_mode & 0o077 == 0 or not hasattr(__import__("os"), "getuid")

    def test_names_given_by_a_table_need_no_way_back(self, study, tmp_path):
        run(settings(study, tmp_path / "out", table=study / "cohort.csv", size=16))
        assert not (tmp_path / "out.links.csv").exists() and not (tmp_path / "out.key").exists()


class TestTheFolder:
    def test_images_of_inputs_that_are_gone_go_too_and_nothing_else(self, study, tmp_path):
        out = tmp_path / "out"
        run(settings(study / "films", out, size=16))
        first = set(pictures(out))
        (out / "images" / "notes.txt").write_text("mine")
        sorted((study / "films").iterdir())[0].unlink()
        run(settings(study / "films", out, size=16))
        assert len(first - set(pictures(out))) == 1
        assert (out / "images" / "notes.txt").is_file()
        assert datalist.check(datalist.read(out), deep=True) == []

    def test_two_runs_at_once_in_one_folder_are_refused(self, study, tmp_path):
        from data_prep.output.folder import alone_in

        with alone_in(tmp_path / "out"), pytest.raises(DataError, match="another run is writing"):
            run(settings(study / "films", tmp_path / "out", size=16))
        assert run(settings(study / "films", tmp_path / "out", size=16)).exit_code == 0

    def test_output_inside_input_is_no_input(self, study):
        out = study / "films" / "out"
        run(settings(study / "films", out, size=16))
        again = run(settings(study / "films", out, size=16))
        assert len(again.outcomes) == 8 and png.load(next(out.rglob("*.png"))).shape == (16, 16)


class TestWhatHospitalsHave:
    def test_a_scan_that_dies_never_makes_another_patient_of_a_film(
        self, tmp_path, make_dicom, ramp, monkeypatch
    ):
        from data_prep.inputs import headers

        for k in (1, 2, 3, 4):
            make_dicom(np.roll(ramp, k), f"raw/IM000{k}.dcm", PatientID="ONE-1")
        monkeypatch.setattr(headers, "scan_source", hazards.scan_that_dies_at_film_3)
        result = run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        assert len({image.subject for o in result.outcomes for image in o.images}) == 1
        lost = [o for o in result.outcomes if not o.taken]
        assert [o.source for o in lost] == ["IM0003.dcm"]
        assert lost[0].reason == "the decoder crashed on this input"

    def test_names_that_are_no_utf_8_do_no_harm(self, tmp_path, make_dicom, ramp):
        import os

        path = make_dicom(ramp, "raw/x.dcm")
        odd = os.fsdecode(b"M\xfcller.dcm")
        try:
            path.rename(path.with_name(odd))
        except OSError:
            pytest.skip("this file system takes UTF-8 alone")
        assert run(settings(tmp_path / "raw", tmp_path / "out", size=16)).exit_code == 0
        assert b"M\xfcller.dcm" in (tmp_path / "out.links.csv").read_bytes()

    def test_pipes_and_linked_folders_are_listed_and_not_opened(self, tmp_path, make_dicom, ramp):
        import os

        make_dicom(ramp, "raw/a.dcm")
        make_dicom(ramp, "elsewhere/b.dcm")
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(tmp_path / "raw" / "pipe.dcm")
        (tmp_path / "raw" / "study").symlink_to(tmp_path / "elsewhere")
        result = run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        why = sorted(o.reason for o in result.outcomes if not o.taken)
        assert why == [
            "a link to a folder; links are not followed",
            "no regular file: a pipe, a socket or a device",
        ]

    def test_a_folder_with_somebody_elses_files_of_our_names_is_refused(
        self, tmp_path, make_dicom, ramp
    ):
        make_dicom(ramp, "raw/a.dcm")
        mine = tmp_path / "mine"
        (mine / "images").mkdir(parents=True)
        (mine / "images" / "01.png").write_bytes(b"mine")
        (mine / "thesis.tmp").write_bytes(b"mine")
        with pytest.raises(UsageError, match="holds images"):
            run(settings(tmp_path / "raw", mine, size=16))
        (mine / "images" / "01.png").rename(mine / "01.png")
        (mine / "images").rmdir()
        run(settings(tmp_path / "raw", mine, size=16))
        assert (mine / "thesis.tmp").read_bytes() == b"mine" and (mine / "01.png").exists()

    def test_another_input_does_not_wipe_what_the_first_one_gave(self, tmp_path, make_dicom, ramp):
        make_dicom(ramp, "one/a.dcm")
        make_dicom(ramp[::-1].copy(), "two/b.dcm")
        run(settings(tmp_path / "one", tmp_path / "out", size=16))
        with pytest.raises(UsageError, match="another INPUT"):
            run(settings(tmp_path / "two", tmp_path / "out", size=16))
        again = run(settings(tmp_path / "two", tmp_path / "out", size=16, existing="overwrite"))
        assert again.exit_code == 0 and len(pictures(tmp_path / "out")) == 1

    @pytest.mark.parametrize("damage", [b"", b"\x89PNG\r\n\x1a\n half"])
    def test_a_picture_that_the_power_cut_short_is_made_again(
        self, tmp_path, make_dicom, ramp, damage
    ):
        make_dicom(ramp, "raw/a.dcm")
        run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        whole = pictures(tmp_path / "out")
        next((tmp_path / "out").rglob("*.png")).write_bytes(damage)
        run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        assert pictures(tmp_path / "out") == whole

    def test_an_earlier_output_inside_the_input_is_no_input(
        self, tmp_path, make_dicom, ramp, caplog
    ):
        make_dicom(ramp, "raw/a.dcm")
        run(settings(tmp_path / "raw", tmp_path / "raw" / "first", size=16))
        result = run(settings(tmp_path / "raw", tmp_path / "second", size=16))
        assert [o.source for o in result.outcomes if o.taken] == ["a.dcm"]
        assert "made by data_prep" in caplog.text

    def test_the_key_is_not_sent_along(self, tmp_path, make_dicom, ramp):
        make_dicom(ramp, "raw/a.dcm")
        with pytest.raises(UsageError, match="must not lie in OUTPUT"):
            run(settings(tmp_path / "raw", tmp_path / "out", key_file=tmp_path / "out" / "key"))

    def test_one_instance_with_two_pictures_is_noted(self, tmp_path, make_dicom, ramp):
        for k in (1, 2):
            make_dicom(np.roll(ramp, k), f"raw/{k}.dcm", SOPInstanceUID="1.2.3.4.5")
        result = run(settings(tmp_path / "raw", tmp_path / "out", size=16))
        assert "same SOP Instance UID, but other pixels (2 inputs)" in result.summary

    def test_an_index_that_was_cut_is_said_to_be_damaged(self, tmp_path):
        from pydicom.dataset import Dataset

        from data_prep.read.dicom.write import save_dicom

        index = Dataset()
        index.SOPClassUID, index.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
        index.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 10**6
        index.DirectoryRecordSequence = []
        (tmp_path / "disc").mkdir()
        save_dicom(index, tmp_path / "disc" / "DICOMDIR")
        with pytest.raises(DataError, match="this DICOMDIR is damaged"):
            run(settings(tmp_path / "disc" / "DICOMDIR", tmp_path / "out"))


class TestFilmsThatSomebodyHasLookedAt:
    @pytest.fixture
    def films(self, tmp_path, make_dicom) -> Path:
        rng = np.random.default_rng(0)
        for name in ("Amsel", "Busch"):
            pixels = rng.integers(0, 4096, (32, 32)).astype(np.uint16)
            header = {"PatientName": f"{name}^X", "PatientID": name, "BurnedInAnnotation": "YES"}
            make_dicom(pixels, f"raw/{name}.dcm", **header)
        return tmp_path / "raw"

    def test_only_those_that_are_listed_are_taken(self, films, tmp_path):
        (tmp_path / "looked.txt").write_text("Busch.dcm\n")
        chosen = settings(films, tmp_path / "out", size=16, cleared=tmp_path / "looked.txt")
        taken = {o.source: o.taken for o in run(chosen).outcomes}
        assert taken == {"***.dcm": False, "***.dcm (2)": True}

    def test_a_number_that_moves_with_the_other_files_clears_nobody(self, films, tmp_path):
        (tmp_path / "looked.txt").write_text("***.dcm (2)\n")
        with pytest.raises(DataError, match="1 of its 1 lines are no input"):
            run(settings(films, tmp_path / "out", size=16, cleared=tmp_path / "looked.txt"))


def _all_starts(data: bytes, mark: bytes) -> list[int]:
    found, k = [], data.find(mark)
    while k >= 0:
        found.append(k)
        k = data.find(mark, k + 1)
    return found
