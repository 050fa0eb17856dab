"""What a BIDS tree holds beside its raw T1-weighted scans is not prepared."""

import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from flat_settings import settings

from data_prep.inputs.choices import Cohort
from data_prep.inputs.gather import find_inputs
from data_prep.pipeline import run
from data_prep.read.volume.bids import other_suffix
from data_prep.read.volume.bidsignore import ignores, patterns
from data_prep.work.pools import Inline

RAW = "sub-01/anat/sub-01_T1w.nii.gz"


def tree(top: Path, *names: str, ignore: str = "") -> Path:
    for name in (RAW, *names):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4)), path)
    if ignore:
        (top / ".bidsignore").write_text(ignore, "utf-8")
    return top


def names(raw: Path) -> list[str]:
    return [s.name for s in find_inputs(raw, "brains", Cohort(), (), Inline()).sources]


def test_side_trees_are_no_raw_scans(tmp_path: Path, caplog):
    others = [
        f"{folder}/x/{RAW}" for folder in ("derivatives", "sourcedata", "code", "stimuli")
    ] + ["sourcedata/scan.nii.gz", "code/template.nii.gz"]
    assert names(tree(tmp_path / "raw", *others)) == [RAW]
    for count, folder in ((1, "derivatives"), (2, "sourcedata"), (2, "code"), (1, "stimuli")):
        assert f"{count} inputs in folders called {folder} were ignored" in caplog.text
    assert names(tree(tmp_path / "two" / "ds1", *others).parent) == [f"ds1/{RAW}"]
    assert len(names(tmp_path / "raw" / "sourcedata")) == 2  # asked for


def test_a_folder_called_code_elsewhere_is_a_folder(tmp_path: Path):
    path = tmp_path / "raw/code/a.nii.gz"
    path.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), np.int16), np.eye(4)), path)
    assert names(tmp_path / "raw") == ["code/a.nii.gz"]


def test_what_bidsignore_names_is_ignored(tmp_path: Path, caplog):
    others = ("extra/a.nii.gz", "sub-02/anat/sub-02_acq-x_T1w.nii.gz", "sub-03/anat/sub-03_T1w.nii")
    ignore = "# ours\nextra/\n*_acq-x_*\n"
    raw = tree(tmp_path / "raw", *others, ignore=ignore)
    assert names(raw) == [RAW, "sub-03/anat/sub-03_T1w.nii"]
    assert "2 inputs named in .bidsignore were ignored" in caplog.text
    assert names(tmp_path) == [f"raw/{RAW}", "raw/sub-03/anat/sub-03_T1w.nii"]


@pytest.mark.parametrize(
    ("line", "yes", "no"),
    [
        ("extra/", ["extra/a.nii", "sub-1/extra/a/b.nii"], ["extra", "extras/a.nii"]),
        ("/extra", ["extra/a.nii", "extra"], ["sub-1/extra/a.nii"]),
        ("*.mgz", ["a.mgz", "sub-1/a.mgz"], ["a.nii"]),
        ("sub-*/anat/*_T2w.nii.gz", ["sub-1/anat/x_T2w.nii.gz"], ["a/sub-1/anat/x_T2w.nii.gz"]),
        ("**/old/**", ["old/a", "x/y/old/a/b"], ["older/a"]),
        ("sub-0[1-3]", ["sub-02/a.nii"], ["sub-04/a.nii"]),
        ("sub-0[!1]", ["sub-02/a.nii"], ["sub-01/a.nii"]),
        ("sub-0?/a.nii", ["sub-02/a.nii"], ["sub-021/a.nii"]),
        ("a/**/b.nii", ["a/b.nii", "a/x/y/b.nii"], ["b.nii"]),
        ("*\n!keep/*", ["a.nii"], ["keep/a.nii"]),
        ("# a.nii\n\n", [], ["# a.nii", "a.nii"]),
        (r"\#a.nii", ["#a.nii"], ["a.nii"]),
        ("a.b(c)", ["a.b(c)"], ["axb(c)"]),
    ],
)
def test_patterns_are_those_of_gitignore(line: str, yes: list[str], no: list[str]):
    found = patterns(line)
    assert [ignores(found, path) for path in yes + no] == [True] * len(yes) + [False] * len(no)


def test_phase_images_are_left_out(tmp_path: Path):
    parts = [f"sub-0{k}/anat/sub-0{k}_part-{part}_T1w.nii.gz" for k, part in enumerate(
        ("phase", "real", "imag"), start=2)]  # fmt: skip
    raw = tree(tmp_path / "raw", *parts, "sub-09/anat/sub-09_part-mag_T1w.nii.gz")
    result = run(settings(raw, tmp_path / "out", kind="brains", jobs=0, pseudonyms="given"))
    left = {o.source for o in result.outcomes if o.status == "left" and "phase" in o.reason}
    assert left == set(parts)
    assert other_suffix(parts[0]) and not other_suffix("sub-09_part-mag_T1w.nii.gz")


def test_names_count_in_an_archive_too(tmp_path: Path):
    raw = tree(tmp_path / "raw", "sub-02/anat/sub-02_T2w.nii.gz", "code/a.nii.gz")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(raw.rglob("*.nii.gz")):
            archive.write(path, path.relative_to(raw))
    chosen = {"kind": "brains", "jobs": 0, "pseudonyms": "given"}
    result = run(settings(tmp_path / "all.zip", tmp_path / "out", **chosen))
    why = {o.source: o.reason for o in result.outcomes}
    assert why.keys() == {f"all.zip/{RAW}", "all.zip/sub-02/anat/sub-02_T2w.nii.gz"}
    assert why["all.zip/sub-02/anat/sub-02_T2w.nii.gz"] == "another BIDS image than T1w"
