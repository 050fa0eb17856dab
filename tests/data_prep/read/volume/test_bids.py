"""BIDS names and the inheritance of their sidecars."""

import json
from pathlib import Path

from data_prep.read.volume.bids import entities, sidecar


def write(path: Path, **content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_sidecar_further_down_and_one_of_more_entities_win(tmp_path: Path):
    image = tmp_path / "sub-01/ses-a/anat/sub-01_ses-a_run-1_T1w.nii.gz"
    write(tmp_path / "T1w.json", MagneticFieldStrength=3, EchoTime=0.001, FlipAngle=9)
    write(tmp_path / "sub-01/sub-01_T1w.json", EchoTime=0.002)
    write(image.parent / "sub-01_ses-a_T1w.json", FlipAngle=7)
    write(image.parent / "sub-01_ses-a_run-1_T1w.json", FlipAngle=8)
    expected = {"MagneticFieldStrength": 3, "EchoTime": 0.002, "FlipAngle": 8}
    assert sidecar(image) == expected


def test_sidecars_of_others_do_not_count(tmp_path: Path):
    image = tmp_path / "sub-01/anat/sub-01_T1w.nii.gz"
    write(tmp_path / "T2w.json", EchoTime=1)
    write(tmp_path / "task-rest_T1w.json", EchoTime=2)
    write(image.parent / "sub-01_run-2_T1w.json", EchoTime=3)
    write(tmp_path.parent / "T1w.json", EchoTime=4)  # above the data set
    (tmp_path / "T1w.json").write_text("{broken")
    assert sidecar(image) == {}
    (tmp_path.parent / "T1w.json").unlink()


def test_names_are_taken_apart_only_where_they_are_bids():
    parts = entities(Path("x/sub-07_ses-b_acq-mprage_T1w.nii.gz"))
    assert parts is not None
    assert parts.suffix == "T1w" and parts.labels == {"sub-07", "ses-b", "acq-mprage"}
    assert entities(Path("IXI012-HH-1211-T1.nii.gz")) is None
    assert sidecar(Path("IXI012-HH-1211-T1.nii.gz")) == {}
