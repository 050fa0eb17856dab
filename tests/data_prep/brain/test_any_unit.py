"""Intensities around or below 0 give the pictures of the plain head: z-scores, HU, stripped."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from heads import phantom, save, save_template

from data_prep import brain
from data_prep.brain.options import BrainOptions, resolved
from data_prep.errors import PrepError
from data_prep.read.volume.background import background_level, darkened
from data_prep.read.volume.open_volume import read_volume

HEAD = phantom(12)
# 0 is outside alone, and the darkest brain is close to it, as in real scans
PLAIN = np.where(HEAD.brain, HEAD.image - HEAD.image[HEAD.brain].min() + 1, 0).astype(np.float32)
INSIDE = PLAIN[HEAD.brain]
Z = (PLAIN - INSIDE.mean()) / INSIDE.std()
UNITS: dict[str, Callable[[], np.ndarray]] = {
    "z, NaN outside": lambda: np.where(HEAD.brain, Z, np.nan),
    "z, 0 outside": lambda: np.where(HEAD.brain, Z, 0),
    "z, min - 1 outside": lambda: np.where(HEAD.brain, Z, Z[HEAD.brain].min() - 1),
    "z, far outside": lambda: np.where(HEAD.brain, Z, -1024.0),
    "HU-like": lambda: np.where(HEAD.brain, PLAIN - 1024, -2000),
    "all below 0, 0 outside": lambda: np.where(HEAD.brain, PLAIN - PLAIN.max() - 5, 0),
    "integers, 0 outside": lambda: np.where(HEAD.brain, PLAIN.round() - 500, 0).astype(np.int16),
    "float64, infinite outside": lambda: np.where(HEAD.brain, Z.astype(np.float64), -np.inf),
}


def pictures(path: Path, data: np.ndarray, **chosen: object) -> tuple[np.ndarray, dict]:
    options = resolved(BrainOptions(**chosen))  # type: ignore[arg-type]
    volume = read_volume(save(path, data))
    slices = brain.prepare(brain.Head(volume), brain.BrainRecipe(96, options=options))
    return np.stack([frame.pixels for frame in slices.frames]).astype(float), slices.facts


@cache
def plain_pictures(**chosen: object) -> tuple[np.ndarray, dict]:
    """Those of the plain head, which each unit is compared with."""
    with tempfile.TemporaryDirectory() as folder:
        return pictures(Path(folder) / "plain.nii", PLAIN, **chosen)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("chosen", [{"brain": "stripped"}, {}], ids=str)
def test_a_shift_of_the_values_changes_no_picture(tmp_path: Path, unit: str, chosen: dict):
    plain, facts = plain_pictures(**chosen)
    shifted, others = pictures(tmp_path / "shifted.nii", UNITS[unit](), **chosen)
    exact = chosen and "integers" not in unit  # else the background counts among the grey levels
    assert np.abs(shifted - plain).max() <= (1 if exact else 2)
    assert others.get("brain_ml") == facts.get("brain_ml")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("intensity", ["", "white", "zscore", "minmax"])
def test_every_correction_works_on_shifted_values(tmp_path: Path, unit: str, intensity: str):
    n4 = intensity in ("", "white")  # it comes before the range, whichever that is
    chosen = {"n4": n4, "brain": "stripped", "normalise": intensity}
    plain, facts = plain_pictures(**chosen)
    shifted, others = pictures(tmp_path / "shifted.nii", UNITS[unit](), **chosen)
    assert np.abs(shifted - plain).mean() < 3 and np.abs(shifted - plain).max() < 30
    assert others["snr"] == pytest.approx(facts["snr"], rel=0.05)
    assert others["brain_ml"] == pytest.approx(facts["brain_ml"], abs=0.2)


def test_a_shifted_brain_is_registered_and_resampled_as_the_plain_one(tmp_path: Path):
    chosen = {
        "brain": "stripped", "mni": True, "spacing": 3.0, "least_ncc": 0.3,
        "template": str(save_template(tmp_path)),
    }  # fmt: skip
    plain, facts = plain_pictures(**chosen)
    shifted, others = pictures(tmp_path / "z.nii", UNITS["z, 0 outside"](), **chosen)
    assert others["registration_ncc"] == pytest.approx(facts["registration_ncc"], abs=0.01)
    assert np.abs(shifted - plain).mean() < 2


def test_holes_in_a_stripped_brain_are_brain(tmp_path: Path):
    i, j, k = np.argwhere(HEAD.brain).mean(axis=0).astype(int)
    hollow = PLAIN.copy()
    hollow[i - 2 : i + 3, j - 2 : j + 3, k - 2 : k + 3] = 0  # 2 ml
    _, facts = pictures(tmp_path / "hollow.nii", hollow, brain="stripped")
    _, plain = plain_pictures(brain="stripped")
    assert facts["brain_ml"] == plain["brain_ml"]


def test_a_head_in_noise_and_ringing_stay_as_they_are():
    rng = np.random.default_rng(0)
    noisy = HEAD.image + rng.normal(0, 3, HEAD.image.shape)
    assert darkened(noisy) is noisy and background_level(noisy) is None
    ringing = np.where(rng.random(PLAIN.shape) < 0.02, -4, PLAIN).astype(np.float32)
    assert darkened(ringing) is ringing


def test_a_scan_that_is_all_tissue_is_no_stripped_one(tmp_path: Path):
    noisy = HEAD.image + np.random.default_rng(0).normal(0, 3, HEAD.image.shape) + 50
    with pytest.raises(PrepError, match="no brain of a possible size"):
        pictures(tmp_path / "a.nii", noisy.astype(np.float32), brain="stripped")
