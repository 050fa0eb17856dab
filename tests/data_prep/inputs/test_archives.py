"""Archives are folders: what is in them, and what is wrong with them."""

import gzip
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import hazards
import pytest
from flat_settings import settings
from zips import zipped

from data_prep.inputs import archives
from data_prep.inputs.find import find
from data_prep.phantom.brains import make_brains
from data_prep.pipeline import run
from data_prep.read import archive


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
