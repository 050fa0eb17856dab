"""Discs with a DICOMDIR, and the pictures that viewers leave among DICOM files."""

from pathlib import Path

import codestreams
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from zips import zipped

from data_prep.datalist import DataError
from data_prep.read.dicom.write import save_dicom
from data_prep.source import Beside


def write_index(folder: Path, **elements) -> Path:
    index = Dataset()
    index.SOPClassUID, index.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    index.update(elements)
    save_dicom(index, folder / "DICOMDIR")
    return folder


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
