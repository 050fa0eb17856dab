"""Files that were not fetched say so, with the command that fetches them."""

import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_stack
from flat_settings import settings

from data_prep.film import read_film
from data_prep.pipeline import run
from data_prep.read.volume.open_volume import read_volume

KEY = "MD5E-s8163--9b3e51cc37dafb34a4b8d79f7bb0d93d"
ANNEX = f"/annex/objects/{KEY}.nii.gz\n".encode()
LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
LINK = f"../.git/annex/objects/w8/Kv/{KEY}.nii.gz/{KEY}.nii.gz"


def reasons(raw: Path, kind: str = "brains", **others: object) -> dict[str, tuple[str, str]]:
    chosen = {"pseudonyms": "given", "jobs": 0, **others}
    result = run(settings(raw, raw.with_name("out"), kind=kind, **chosen))
    return {o.source: (o.reason, o.details.get("remedy", "")) for o in result.outcomes}


@pytest.mark.parametrize("kind", ["brains", "films"])
def test_pointers_and_links_to_nothing_name_the_command(tmp_path: Path, kind: str):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "annex.nii.gz").write_bytes(ANNEX)
    (raw / "lfs.dcm").write_bytes(LFS)
    (raw / "text_of_link.nii.gz").write_text(LINK)
    (raw / "link.nii.gz").symlink_to(LINK)
    (raw / "gone.nii.gz").symlink_to("nowhere.nii.gz")
    (raw / "notes.json").symlink_to(LINK)  # no image: not listed
    why = reasons(raw, kind)
    assert why.keys() == {p.name for p in raw.iterdir() if p.suffix != ".json"}
    for name, (reason, remedy) in why.items():
        expected = {"lfs.dcm": "Git LFS", "gone.nii.gz": "a link to a file that is not there"}
        assert expected.get(name, "DataLad or git-annex") in reason, name
        assert ("git lfs pull" if name == "lfs.dcm" else "datalad get") in remedy, name


def test_pointers_in_archives_tables_and_alone_name_the_command(tmp_path: Path):
    raw = tmp_path / "raw"
    raw.mkdir()
    with zipfile.ZipFile(raw / "a.zip", "w") as archive:
        archive.writestr("x.nii.gz", ANNEX)
    (raw / "link.nii.gz").symlink_to(LINK)
    table = tmp_path / "cohort.csv"
    table.write_text("image,subject,section\nlink.nii.gz,s1,test\na.zip/x.nii.gz,s2,test\n")
    for _, remedy in reasons(raw, table=table).values():
        assert "datalad get" in remedy
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    ((reason, _),) = reasons(raw / "link.nii.gz").values()
    assert "DataLad" in reason


def test_readers_say_it_too(tmp_path: Path):
    for name, content in (("a.nii.gz", ANNEX), ("b.dcm", LFS)):
        (tmp_path / name).write_bytes(content)
        for reader in (read_volume, read_film):
            with pytest.raises(ValueError, match="not fetched"):
                reader(tmp_path / name)


def test_a_series_of_which_a_part_was_not_fetched_is_not_half_a_head(tmp_path: Path):
    data = np.random.default_rng(4).integers(0, 900, (9, 8, 12), np.int16)
    series = write_stack(tmp_path / "raw/s", data, np.diag([2.0, 2.0, 3.0, 1.0]))
    for path in sorted(series.iterdir())[:5]:
        path.write_bytes(LFS)
    why = reasons(tmp_path / "raw")
    assert len(why) == 6 and {reason for reason, _ in why.values()} == {
        "not fetched: a pointer of Git LFS, not the file itself"
    }


def test_half_a_pair_that_was_not_fetched_is_one_input(tmp_path: Path):
    raw = tmp_path / "raw"
    raw.mkdir()
    nib.save(nib.Nifti1Pair(np.ones((4, 4, 4), np.int16), np.eye(4)), raw / "x.hdr")
    (raw / "x.img").write_bytes(ANNEX)
    assert list(reasons(raw)) == ["x.hdr"]
