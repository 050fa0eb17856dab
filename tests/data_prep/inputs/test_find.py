"""What can be an input: archives, discs with an index, copies."""

import gzip
import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import codestreams
import hazards
import numpy as np
import pytest
from flat_settings import settings
from PIL import Image
from pydicom.dataset import Dataset

from data_prep.datalist import DataError
from data_prep.inputs import archives, headers
from data_prep.inputs.find import find
from data_prep.phantom.brains import make_brains
from data_prep.pipeline import run
from data_prep.read import archive
from data_prep.read.dicom.write import save_dicom
from data_prep.source import Beside


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
        common = {"size": 16, "jobs": 1, "pseudonyms": "given"}
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
        with zipfile.ZipFile(folder / "nameless.zip", "w") as nameless:
            nameless.writestr(zipfile.ZipInfo(""), b"x")
        result = prepare("zips", pseudonyms="given")
        why = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert why.pop("cut.zip") == "damaged archive"
        assert why.pop("nameless.zip") == "an archive in which a file has no name"
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
        raw = make_brains(tmp_path / "brains", counts={"test": 3})
        brains = zipped(raw, tmp_path / "brains.zip")
        outside = [s.name for s in find(raw, "brains").sources]
        inside = [s.name for s in find(brains, "brains").sources]
        assert inside == [f"brains.zip/{name}" for name in outside] and inside


class TestZipsOfAllKinds:
    @pytest.fixture
    def film(self, make_dicom, ramp) -> bytes:
        return make_dicom(ramp, "film.dcm").read_bytes()

    @staticmethod
    def write(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w", method) as file:
            for name, data in members.items():
                file.writestr(name, data)
        return path

    @staticmethod
    def with_method(path: Path, method: int) -> Path:
        """The archive with another compression method in both of its headers."""
        data = bytearray(path.read_bytes())
        for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = data.index(signature) + offset
            data[at : at + 2] = method.to_bytes(2, "little")
        path.write_bytes(bytes(data))
        return path

    @pytest.mark.parametrize("method", ["ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA", "ZIP_STORED"])
    def test_damage_is_listed_and_the_rest_goes_on(
        self, film, make_dicom, ramp, tmp_path, prepare, method
    ):
        method = getattr(zipfile, method)
        whole = self.write(tmp_path / "raw" / "a.zip", {"IM1.dcm": film}, method).read_bytes()
        start, end = 30 + len("IM1.dcm"), whole.index(b"PK\x01\x02")
        for number, at in enumerate(
            (start + 14, start + 40, (start + end) // 2, (start + end) // 2 + 90)
        ):
            damaged = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
            (tmp_path / "raw" / f"b{number}.zip").write_bytes(damaged)
        (tmp_path / "raw" / "c.zip").write_bytes(whole[: len(whole) // 2])
        make_dicom(ramp[::-1].copy(), "raw/d.dcm")
        result = prepare(pseudonyms="given", jobs=0)
        taken = [o.source for o in result.outcomes if o.taken]
        assert taken == ["a.zip/IM1.dcm", "d.dcm"]
        lost = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert set(lost.values()) == {"damaged archive"} and len(lost) == 5

    @pytest.mark.parametrize(
        ("method", "said"), [(9, "Deflate64"), (1, "Shrink"), (95, "XZ"), (98, "PPMd"), (77, "77")]
    )
    def test_a_method_that_python_lacks_is_named_and_not_called_damage(
        self, film, tmp_path, prepare, method, said
    ):
        self.with_method(self.write(tmp_path / "raw" / "a.zip", {"IM1": film}), method)
        (outcome,) = prepare(jobs=0).outcomes
        assert said in outcome.reason and "packed with" in outcome.reason
        assert "7-Zip" in outcome.details["remedy"]

    @pytest.mark.parametrize("name", ["export", "export.dcm", "1.2.840.113", "export.ZIP", "a.bak"])
    def test_a_zip_is_known_by_its_content(self, film, tmp_path, prepare, name):
        self.write(tmp_path / "raw" / name, {"x/IM1": film})
        result = prepare(jobs=0)
        assert [o.taken for o in result.outcomes] == [True] and result.exit_code == 0

    def test_documents_are_no_archives(self, film, tmp_path, prepare):
        (tmp_path / "raw").mkdir()
        (tmp_path / "raw" / "film.dcm").write_bytes(film)
        picture = {"[Content_Types].xml": b"<x/>", "word/media/image1.png": b"\x89PNG\r\n\x1a\n"}
        self.write(tmp_path / "raw" / "letter.docx", picture)
        self.write(tmp_path / "raw" / "letter", picture)
        self.write(tmp_path / "raw" / "weights.npz", {"a.npy": b"x"})
        reasons = sorted(o.reason for o in prepare(jobs=0).outcomes if not o.taken)
        assert reasons == ["a document or a program, packed as zip"] + 2 * [
            "not an image: neither DICOM, PNG nor JPEG"
        ]

    def test_a_part_of_a_split_archive_says_so(self, film, tmp_path, prepare):
        whole = self.write(tmp_path / "raw" / "a.zip", {"IM1": film}).read_bytes()
        (tmp_path / "raw" / "a.zip").write_bytes(b"PK\x07\x08" + whole[:300])
        end = whole.rindex(b"PK\x05\x06")
        last = whole[: end + 4] + b"\x01\0" + whole[end + 6 :]
        (tmp_path / "raw" / "b.zip").write_bytes(last[100:])
        reasons = {o.reason for o in prepare(jobs=0).outcomes}
        assert reasons == {"one part of a split zip archive"}

    def test_archives_of_other_kinds_are_not_called_damaged_or_no_image(
        self, film, tmp_path, prepare
    ):
        (tmp_path / "raw").mkdir()
        with tarfile.open(tmp_path / "raw" / "a.tar", "w") as tar:
            tar.add(tmp_path / "film.dcm", "IM1.dcm")
        (tmp_path / "raw" / "b.dcm.gz").write_bytes(gzip.compress(film))
        (tmp_path / "raw" / "c.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
        assert {o.reason for o in prepare(jobs=0).outcomes} == {
            "an archive of another kind than zip"
        }

    def test_an_archive_that_kills_its_reader_costs_itself_alone(
        self, film, tmp_path, monkeypatch, prepare
    ):
        self.write(tmp_path / "raw" / "a.zip", {"IM1": film, "IM2": film, "IM3": film})
        (tmp_path / "raw" / "b.dcm").write_bytes(film[:-900] + bytes(900))
        monkeypatch.setattr(archives, "kinds_of_members", hazards.kinds_that_die_at_im2)
        result = prepare(pseudonyms="given")
        lost = {o.source: o.reason for o in result.outcomes if o.status == "skipped"}
        assert lost == {"a.zip/IM2": "the decoder crashed on this input"}
        monkeypatch.setattr(archive, "members", hazards.crash)
        result = prepare(pseudonyms="given", existing="overwrite")
        lost = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert lost == {"a.zip": "the decoder crashed on this input"}

    def test_an_archive_in_a_table_asks_for_a_file_in_it(self, film, tmp_path, prepare):
        self.write(tmp_path / "raw" / "a.zip", {"IM1": film})
        table = tmp_path / "table.csv"
        table.write_text("image,subject,section\na.zip,s1,test\na.zip/IM1,s2,test\n")
        reasons = [o.reason for o in prepare(table=table, jobs=0, pseudonyms="given").outcomes]
        assert reasons == ["an archive, where one film is expected", ""]


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

    @pytest.mark.parametrize("kind", ["folder", "zip"])
    @pytest.mark.parametrize(
        "change", [str.lower, str.swapcase, str.title, lambda name: f"{name};1", lambda n: f"{n}."]
    )
    def test_names_in_another_case_are_the_names_of_the_index(
        self, tmp_path, make_dicom, prepare, kind, change
    ):
        rng, records = np.random.default_rng(0), []
        for k in (1, 2):
            make_dicom(
                rng.integers(0, 4096, (32, 32)).astype(np.uint16),
                f"disc/{change('PT000001').rstrip('.;1')}/{change(f'IM00000{k}')}",
                PatientID=f"NR{k}",
            )
            record = Dataset()
            record.DirectoryRecordType = "IMAGE"
            record.ReferencedFileID = [change("PT000001").rstrip(".;1").upper(), f"IM00000{k}"]
            records.append(record)
        index = write_index(tmp_path / "disc", DirectoryRecordSequence=records) / "DICOMDIR"
        index.rename(index.with_name(change("DICOMDIR")))
        if kind == "zip":
            (tmp_path / "raw").mkdir()
            zipped(tmp_path / "disc", tmp_path / "raw" / "disc.zip")
        result = prepare("raw" if kind == "zip" else "disc", jobs=0)
        assert [o.taken for o in result.outcomes] == [True, True]
        assert result.exit_code == 0

    def test_what_a_zipped_index_promises_in_vain_is_listed(self, disc, tmp_path, prepare):
        (tmp_path / "raw").mkdir()
        zipped(disc, tmp_path / "raw" / "disc.zip")
        result = prepare(pseudonyms="given", jobs=0)
        why = {o.source: o.reason for o in result.outcomes if not o.taken}
        assert why == {"disc.zip/pat/im3": "named in the table or the DICOMDIR, but not found"}
        assert sum(o.taken for o in result.outcomes) == 3


class TestPicturesAmongDicom:
    """A viewer's icons and previews are no films; a set of pictures alone is one."""

    @pytest.fixture
    def disc(self, tmp_path, make_dicom) -> Path:
        make_dicom(codestreams.waves(80, 4095), "raw/DICOM/IM1")
        return tmp_path / "raw"

    @staticmethod
    def draw(path: Path, side: int, seed: int = 1) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.roll(codestreams.waves(side), seed, axis=1)
        Image.fromarray(grey).save(path)

    def left(self, result) -> dict[str, str]:
        return {o.source: o.reason for o in result.outcomes if o.status == "left"}

    @pytest.mark.parametrize("side", [8, 17, 32, 48, 64])
    def test_icons_are_left_out(self, disc, prepare, side):
        self.draw(disc / "BIN" / "a.png", side)
        self.draw(disc / "DICOM" / "b.png", side, 2)
        self.draw(disc / "c.jpg", side, 3)
        result = prepare(pseudonyms="given", jobs=0)
        left = self.left(result)
        assert result.exit_code == 0
        assert set(left) == {"BIN/a.png", "DICOM/b.png", "c.jpg"}
        assert set(left.values()) == {Beside.DICOM.value}

    @pytest.mark.parametrize(
        "name",
        [
            *("DICOM/IM1.jpg", "DICOM/im1.png", "DICOM/IM1.dcm.jpg", "DICOM/IM1_thumb.jpg"),
            *("DICOM/jpeg/IM1.jpg", "DICOM/preview.jpg", "viewer/img/a.png", "DICOM/Thumbs/3.jpg"),
        ],
    )
    def test_previews_are_left_out(self, disc, prepare, name):
        self.draw(disc / name, 96)
        assert list(self.left(prepare(pseudonyms="given", jobs=0))) == [name]

    @pytest.mark.parametrize("mark", ["autorun.inf", "DICOMDIR"])
    def test_below_an_index_every_picture_is_a_viewers(self, disc, prepare, mark):
        (disc / "autorun.inf").write_text("[autorun]\n")
        if mark == "DICOMDIR":
            (disc / "autorun.inf").unlink()
            write_index(disc, DirectoryRecordSequence=[])
        self.draw(disc / "JPEG" / "00001.jpg", 96)
        self.draw(disc / "start.png", 96, 2)
        left = self.left(prepare(pseudonyms="given", jobs=0))
        pictures = {name: why for name, why in left.items() if name != "autorun.inf"}
        assert pictures == dict.fromkeys(("JPEG/00001.jpg", "start.png"), Beside.ON_A_DISC.value)

    def test_pictures_alone_and_films_as_pictures_are_taken(self, tmp_path, make_dicom, prepare):
        for k in range(3):
            self.draw(tmp_path / "raw" / f"{k}.png", 48, k)
        assert all(o.taken for o in prepare(jobs=0).outcomes)
        make_dicom(codestreams.waves(80, 4095), "raw/training_mixed/1.dcm")
        for k in range(3):
            (tmp_path / "raw" / f"{k}.png").unlink()
            self.draw(tmp_path / "raw" / "training_healthy" / f"{k}.png", 96, k)
        assert all(o.taken for o in prepare(existing="overwrite", jobs=0).outcomes)

    def test_a_table_decides_over_it(self, disc, tmp_path, prepare):
        self.draw(disc / "DICOM" / "IM1.png", 48)
        table = tmp_path / "table.csv"
        table.write_text("image,subject,section\nDICOM/IM1.png,s1,test\n")
        assert [o.taken for o in prepare(table=table, jobs=0).outcomes] == [True]


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
