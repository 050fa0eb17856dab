"""OUTPUT: one run at a time, nothing stale, and nothing of somebody else's is touched."""

from pathlib import Path

import numpy as np
import pytest

from data_prep import datalist
from data_prep.errors import DataError, UsageError
from data_prep.output.folder import alone_in


def pictures(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


@pytest.fixture
def raw(tmp_path, make_dicom, ramp) -> Path:
    """Two films of one patient."""
    for k in range(2):
        make_dicom(np.roll(ramp, k), f"raw/{k}.dcm")
    return tmp_path / "raw"


def test_images_of_inputs_that_are_gone_go_too_and_nothing_else(raw, tmp_path, prepare):
    out = tmp_path / "out"
    prepare()
    first = set(pictures(out))
    (out / "images" / "notes.txt").write_text("mine")
    (raw / "0.dcm").unlink()
    prepare()
    assert len(first - set(pictures(out))) == 1
    assert (out / "images" / "notes.txt").is_file()
    assert datalist.check(datalist.read(out), deep=True) == []


def test_two_runs_at_once_in_one_folder_are_refused(raw, tmp_path, prepare):
    with alone_in(tmp_path / "out"), pytest.raises(DataError, match="another run is writing"):
        prepare()
    assert prepare().exit_code == 0


def test_a_folder_with_somebody_elses_files_of_our_names_is_refused(raw, tmp_path, prepare):
    mine = tmp_path / "out"
    (mine / "images").mkdir(parents=True)
    (mine / "images" / "01.png").write_bytes(b"mine")
    (mine / "thesis.tmp").write_bytes(b"mine")
    with pytest.raises(UsageError, match="holds images"):
        prepare()
    (mine / "images" / "01.png").rename(mine / "01.png")
    (mine / "images").rmdir()
    prepare()
    assert (mine / "thesis.tmp").read_bytes() == b"mine" and (mine / "01.png").exists()


def test_another_input_does_not_wipe_what_the_first_one_gave(
    raw, tmp_path, make_dicom, ramp, prepare
):
    make_dicom(ramp[::-1].copy(), "other/b.dcm")
    prepare()
    with pytest.raises(UsageError, match="another INPUT"):
        prepare("other")
    again = prepare("other", existing="overwrite")
    assert again.exit_code == 0 and len(pictures(tmp_path / "out")) == 1


@pytest.mark.parametrize("damage", [b"", b"\x89PNG\r\n\x1a\n half"])
def test_a_picture_that_the_power_cut_short_is_made_again(raw, tmp_path, prepare, damage):
    prepare()
    whole = pictures(tmp_path / "out")
    next((tmp_path / "out").rglob("*.png")).write_bytes(damage)
    prepare()
    assert pictures(tmp_path / "out") == whole
