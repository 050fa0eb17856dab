"""Phantom heads look like heads to the reader: orientation, lesions, reproducibility."""

import csv
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from data_prep.phantom.brains import LESION_MM, SPACING_MM, make_brains, make_head
from data_prep.read.volume.open_volume import read_volume

COUNTS = {"training_mixed": 6, "training_healthy": 3, "validation": 4, "test": 4}


@pytest.fixture(scope="module")
def brains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_brains(tmp_path_factory.mktemp("brains"), seed=5, counts=COUNTS)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "cohort.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_cohort_has_every_section_and_no_training_label(brains: Path):
    rows = table(brains)
    assert list(rows[0]) == ["image", "subject", "section", "label", "mask"]
    for section, count in COUNTS.items():
        assert sum(row["section"] == section for row in rows) == count
    for row in rows:
        known = row["section"] in ("validation", "test")
        assert (row["label"] in ("0", "1")) if known else row["label"] == ""
        assert bool(row["mask"]) == (row["label"] == "1")
    assert len({row["subject"] for row in rows}) == len(rows)


def test_orders_are_mixed_and_masks_share_the_order_of_their_image(brains: Path):
    codes = set()
    for row in table(brains):
        image = nib.load(brains / row["image"])
        codes.add("".join(nib.aff2axcodes(image.affine)))
        if row["mask"]:
            np.testing.assert_array_equal(nib.load(brains / row["mask"]).affine, image.affine)
    assert codes <= {"RAS", "LAS", "LPI"} and len(codes) > 1


def test_the_same_seed_gives_the_same_voxels_and_another_seed_does_not(brains: Path, tmp_path):
    name = table(brains)[0]["image"]
    again = make_brains(tmp_path / "again", seed=5, counts=COUNTS)
    other = make_brains(tmp_path / "other", seed=6, counts=COUNTS)
    first = nib.load(brains / name).get_fdata()
    np.testing.assert_array_equal(first, nib.load(again / name).get_fdata())
    assert table(brains) == table(again)
    different = nib.load(other / name).get_fdata()
    assert different.shape != first.shape or (different != first).any()


def test_the_posterior_fossa_is_at_the_back_and_the_neck_below():
    """The orientation is in the picture, not only in the header."""
    image = make_head(np.random.default_rng(1)).image
    deep = image[26:38, :, 14:17]  # below the front of the brain, above the floor of its back
    assert deep[:, 20:28].mean() > 2 * deep[:, 48:56].mean()
    assert (image[:, :, 0] > 30).sum() > 10 * max(1, (image[:, :, -1] > 30).sum())


def test_a_lesion_stands_out_where_its_mask_says_and_nowhere_else():
    for seed in range(6):
        ill = make_head(np.random.default_rng(seed), lesions=1)
        healthy = make_head(np.random.default_rng(seed), lesions=0)
        assert not healthy.mask.any()
        diameter = 2 * (3 * ill.mask.sum() * SPACING_MM**3 / (4 * np.pi)) ** (1 / 3)
        assert 0.6 * LESION_MM[0] < diameter < 1.3 * LESION_MM[1]
        ring = np.zeros_like(ill.mask)
        x, y, z = np.argwhere(ill.mask).T
        ring[x.min() - 3 : x.max() + 4, y.min() - 3 : y.max() + 4, z.min() - 3 : z.max() + 4] = True
        around = ill.image[ring & ~ill.mask].mean()
        assert abs(ill.image[ill.mask].mean() - around) > 20, seed


def test_the_tissues_of_a_t1_scan_are_there_in_their_order(brains: Path):
    """White matter is the commonest grey level of the middle and brighter than the ventricles."""
    head = make_head(np.random.default_rng(2)).image
    ventricles = head[30:34, 36:40, 34:37].mean()
    white = np.percentile(head[20:44, 20:56, 36:40], 75)
    assert white > 2 * ventricles
    volume = read_volume(brains / table(brains)[0]["image"])
    assert volume.spacing == (SPACING_MM,) * 3


def test_a_head_is_made_in_a_fraction_of_a_second():
    start = time.process_time()
    make_head(np.random.default_rng(0), lesions=3)
    assert time.process_time() - start < 1.0


def test_an_unknown_section_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="unknown section"):
        make_brains(tmp_path, counts={"train": 2})
