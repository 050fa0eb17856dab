"""Simulated lesions in given heads: inside the brain, of the size asked for, nothing else."""

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from heads import AFFINE, as_volume, phantom

from data_prep.phantom import lesions
from data_prep.phantom.lesions import DIAMETER_MM, FACTORS, make_cohort, plant, sections

HEAD = phantom(8)


def planted(seed: int = 0, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    volume, mask = plant(as_volume(HEAD.image), HEAD.brain, np.random.default_rng(seed), count)
    return volume.data, mask


def test_only_the_lesion_and_its_soft_edge_change():
    data, mask = planted(1, 3)
    ratio = data / HEAD.image
    core = mask & ~np.isclose(ratio, 1)
    assert mask.any() and (core.sum() / mask.sum()) == 1
    far = ~mask
    for axis in range(3):
        for step in (-1, 1):
            far &= ~np.roll(mask, step, axis)
    assert np.allclose(ratio[far & (HEAD.image > 0)], 1, atol=1e-5)
    assert ratio.min() >= min(FACTORS) ** 3 - 1e-5 and ratio.max() <= max(FACTORS) ** 3 + 1e-5
    assert not (mask & ~HEAD.brain).any()


def test_sizes_lie_within_what_was_asked_for_and_the_same_seed_gives_the_same_voxels():
    volumes = []
    for seed in range(12):
        _, mask = planted(seed)
        volumes.append(mask.sum() * 2.5**3)
    ball = [np.pi / 6 * d**3 for d in DIAMETER_MM]
    assert 0.2 * ball[0] < min(volumes) and max(volumes) < 1.9 * ball[1]
    assert np.std(volumes) > 0
    for first, second in zip(planted(4), planted(4), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_brain_too_thin_for_a_lesion_is_refused():
    thin = np.zeros_like(HEAD.brain)
    thin[30:32] = True
    with pytest.raises(ValueError, match="no room for a lesion"):
        plant(as_volume(HEAD.image), thin, np.random.default_rng(0), 1)


def test_sections_share_the_subjects_out():
    plan = sections(60, np.random.default_rng(0))
    count = {name: sum(s == name for s, _ in plan) for name, _ in plan}
    assert count == {
        "validation": 9, "test": 18, "training_mixed": 16, "training_healthy": 17,
    }  # fmt: skip
    ill = {name: sum(s == name and d for s, d in plan) for name in count}
    assert ill == {"validation": 4, "test": 9, "training_mixed": 8, "training_healthy": 0}


def test_a_cohort_names_its_sections_and_hides_the_truth_of_training(tmp_path, monkeypatch):
    heads = tmp_path / "heads"
    heads.mkdir()
    for n in range(12):
        image = nib.Nifti1Image(HEAD.image, AFFINE)
        nib.save(image, heads / f"IXI{100 + n}-HH-{1000 + n}-T1.nii.gz")
    monkeypatch.setattr("data_prep.brain.extraction.extract", lambda volume, method: HEAD.brain)
    made = make_cohort(heads, tmp_path / "out", brain="stripped", seed=3)
    with (made / "cohort.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["subject"] for row in rows] == [f"IXI{100 + n}" for n in range(12)]
    for row in rows:
        assert (made / row["image"]).is_file()
        training = row["section"].startswith("training")
        assert (row["label"] == "") == training
        assert bool(row["mask"]) == (row["label"] == "1")
        changed = not np.array_equal(nib.load(made / row["image"]).get_fdata(), HEAD.image)
        if not training:
            assert changed == (row["label"] == "1")
    mixed = [row for row in rows if row["section"] == "training_mixed"]
    ill = [not np.array_equal(nib.load(made / r["image"]).get_fdata(), HEAD.image) for r in mixed]
    assert sum(ill) == round(len(mixed) * lesions.DISEASED)


def test_two_scans_of_one_subject_are_refused(tmp_path: Path):
    for name in ("IXI001-HH-1000-T1.nii", "IXI001-HH-1001-T1.nii"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="several files"):
        make_cohort(tmp_path, tmp_path / "out", brain="stripped")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="no NIfTI heads"):
        make_cohort(tmp_path / "none", tmp_path / "out", brain="stripped")
