"""Of copies of a volume one is taken; `check` finds what stands in two sections."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_stack
from flat_settings import settings
from heads import AFFINE, phantom

from data_prep import datalist
from data_prep.datalist import LeakError
from data_prep.frame import png
from data_prep.pipeline import Result, run

HEAD = phantom(5).image.round().astype(np.int16)
OTHER = phantom(6).image.round().astype(np.int16)


def save(path: Path, data: np.ndarray = HEAD, kind: type = nib.Nifti1Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(kind(data, AFFINE), path)


def prepared(tmp_path: Path, **others: object) -> Result:
    chosen = {"size": 32, "jobs": 0, "pseudonyms": "given", **others}
    return run(settings(tmp_path / "raw", tmp_path / "out", kind="brains", **chosen))


def test_one_volume_in_five_containers_is_taken_once(tmp_path: Path):
    raw = tmp_path / "raw"
    save(raw / "x.nii")
    save(raw / "x.nii.gz")
    save(raw / "y.hdr", kind=nib.Nifti1Pair)
    save(raw / "z" / "sub-01" / "ses-b" / "sub-01_ses-b_T1w.nii.gz")
    turned = nib.as_closest_canonical(nib.Nifti1Image(HEAD, AFFINE)).as_reoriented(
        np.array([[2, -1], [0, 1], [1, -1]])
    )
    nib.save(turned, raw / "turned.nii.gz")
    write_stack(raw / "stack", HEAD, AFFINE)
    save(raw / "other.nii.gz", OTHER)
    for _ in range(2):  # and again where the first is kept
        result = prepared(tmp_path, existing="skip")
        taken = [o.source for o in result.outcomes if o.taken]
        left = {o.source: o.reason for o in result.outcomes if o.status == "left"}
        assert len(taken) == 2 and "other.nii.gz" in taken and len(left) == 5
        assert all(why.startswith("a copy: the same pixel data") for why in left.values())


def test_a_volume_under_two_subjects_never_stands_in_two_sections(tmp_path: Path, caplog):
    raw = tmp_path / "raw"
    save(raw / "training_healthy" / "sub-1_T1w.nii.gz")
    save(raw / "training_mixed" / "sub-3_T1w.nii.gz", OTHER)
    save(raw / "test" / "sub-2_T1w.nii")
    result = prepared(tmp_path)
    assert [o.source for o in result.outcomes if o.status == "left"] == [
        "training_healthy/sub-1_T1w.nii.gz"
    ]
    assert result.dataset is not None and result.dataset.sections["test"]
    assert "of another subject" in caplog.text


def test_check_says_when_a_picture_stands_in_two_sections(tmp_path: Path):
    raw = tmp_path / "raw"
    save(raw / "training_healthy" / "sub-1_T1w.nii.gz")
    save(raw / "training_mixed" / "sub-3_T1w.nii.gz", OTHER)
    result = prepared(tmp_path)
    dataset = result.dataset
    assert dataset is not None and datalist.check(dataset) == []
    mixed, healthy = (dataset.sections[f"training_{name}"] for name in ("mixed", "healthy"))
    shutil.copy(dataset.image_path(healthy[3]), dataset.image_path(mixed[0]))
    (problem,) = datalist.check(dataset)
    assert problem.startswith(f"{mixed[0].image} is in training_healthy and training_mixed")
    assert healthy[3].image in problem
    with pytest.raises(LeakError, match="holds the same picture"):
        datalist.require_valid(dataset)
    shutil.copy(dataset.image_path(mixed[1]), dataset.image_path(mixed[0]))
    assert datalist.check(dataset) == []  # twice in one section gives nothing away
    for bits in (np.uint8, np.uint16):
        for grey in (0, 200):
            for item in (mixed[0], healthy[3]):
                png.save(np.full((32, 32), grey, bits), dataset.image_path(item))
            assert not any("same picture" in problem for problem in datalist.check(dataset))
