"""From a head's file to its slices: the same head gives the same PNG, however it was stored."""

import argparse
import pickle
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from data_prep import brain as brain_prep
from data_prep.brain import BrainRecipe, Head, Slices, chain
from data_prep.brain.grey_range import Normalise
from data_prep.brain.head import correct_bias_field, head_core, head_mask
from data_prep.brain.options import BrainOptions
from data_prep.brain.prepare import CUT_NOTE
from data_prep.cli.brains import add_brain_arguments, brain_recipe
from data_prep.errors import PrepError
from data_prep.phantom.brains import SPACING_MM, make_head
from data_prep.read.volume.open_volume import read_mask, read_volume
from data_prep.read.volume.volume import Volume

HEAD = make_head(np.random.default_rng(11), lesions=3)
CODES = ("RAS", "LAS", "LPI", "LPS", "AIL", "SRP", "PSR", "IRA")


def save(data: np.ndarray, path: Path, code: str = "RAS", mm: float = SPACING_MM) -> Path:
    image = nib.Nifti1Image(data, np.diag([mm, mm, mm, 1.0]))
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(tuple(code)))
    nib.save(image.as_reoriented(turn), path)
    return path


def prepare(path: Path, mask: Path | None = None, brain: dict | None = None, **others) -> Slices:
    options = BrainOptions(**brain or {})
    volume = read_volume(path, options.reading())
    lesion = None if mask is None else read_mask(mask, volume, options.reading())
    recipe = BrainRecipe(**{"size": 96, **others}, options=options)
    return brain_prep.prepare(Head(volume, lesion), recipe)


def pictures(slices: Slices) -> np.ndarray:
    return np.stack([frame.pixels for frame in slices.frames])


def masks_of(slices: Slices) -> np.ndarray:
    return np.stack([frame.mask for frame in slices.frames])


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Slices, np.ndarray]:
    """The RAS head: its slices, and their pixels."""
    folder = tmp_path_factory.mktemp("reference")
    path = save(HEAD.image, folder / "head.nii")
    mask = save(HEAD.mask.astype(np.uint8), folder / "mask.nii")
    slices = prepare(path, mask)
    return slices, pictures(slices)


@pytest.mark.parametrize("code", CODES[1:])
def test_eight_orders_of_one_head_give_the_same_slices_and_masks(code, reference, tmp_path):
    slices, images = reference
    path = save(HEAD.image, tmp_path / "head.nii.gz", code)
    mask = save(HEAD.mask.astype(np.uint8), tmp_path / "mask.nii.gz", CODES[CODES.index(code) - 1])
    again = prepare(path, mask)
    assert again.chosen == slices.chosen
    np.testing.assert_array_equal(pictures(again), images)
    np.testing.assert_array_equal(masks_of(again), masks_of(slices))


def test_facts_follow_the_data_set_format(reference: tuple):
    slices, images = reference
    found = [frame.index for frame in slices.frames]
    assert slices.facts["slices"] == list(slices.chosen) == found == sorted(found)
    steps = np.diff(slices.facts["depths_mm"])
    assert (steps < 0).all() and steps.mean() == pytest.approx(-4, abs=0.5)
    assert images.shape[1:] == (96, 96)


def test_the_mask_marks_in_the_picture_what_was_planted_in_the_head(tmp_path: Path):
    """A head without its lesion differs from the one with it where the mask is, not elsewhere."""
    ill = HEAD.image.copy()
    ill[HEAD.mask] = HEAD.image.max()
    plain = HEAD.image.copy()
    plain[HEAD.mask] = 0
    mask = save(HEAD.mask.astype(np.uint8), tmp_path / "mask.nii", "LPI")
    made = [
        prepare(save(data, tmp_path / f"{name}.nii", "LAS"), mask, size=190)
        for name, data in (("ill", ill), ("plain", plain))
    ]
    difference = np.abs(pictures(made[0]).astype(int) - pictures(made[1]))
    masks = masks_of(made[0])
    assert masks.any()
    changed = difference > 60
    overlap = 2 * (changed & masks).sum() / (changed.sum() + masks.sum())
    assert overlap > 0.85
    assert made[0].chosen == made[1].chosen


def test_proportions_survive_anisotropic_voxels(tmp_path: Path):
    """A ball stays a disc although its voxels are 1 x 1 x 3 mm."""
    grid = np.indices((60, 60, 20)).astype(float)
    distance = np.sqrt((grid[0] - 30) ** 2 + (grid[1] - 30) ** 2 + ((grid[2] - 10) * 3.0) ** 2)
    ball = (np.clip(25.5 - distance, 0, 1) * (1000 + distance)).astype(np.int16)
    nib.save(nib.Nifti1Image(ball, np.diag([1.0, 1, 3, 1])), tmp_path / "ball.nii")
    for plane in ("axial", "coronal", "sagittal"):
        options = {"plane": plane, "range": "50%:52%", "step": "1"}
        outcome = prepare(tmp_path / "ball.nii", size=120, brain=options)
        solid = pictures(outcome)[0] > 100
        height, width = solid.any(axis=1).sum(), solid.any(axis=0).sum()
        assert height == pytest.approx(width, abs=5), plane
        assert height == pytest.approx(102, abs=5), plane  # 51 mm of 60 mm on 120 pixels


def test_all_slices_of_a_head_share_one_scale(tmp_path: Path):
    """A head that gets darker downwards must stay so: no slice is stretched on its own."""
    fading = HEAD.image * np.linspace(0.3, 1.0, HEAD.image.shape[2]).astype(np.float32)
    outcome = prepare(save(fading, tmp_path / "head.nii"))
    flat = prepare(save(HEAD.image, tmp_path / "flat.nii"))
    ratio = [
        np.median(a[a > 60]) / np.median(b[b > 60])
        for a, b in zip(pictures(outcome), pictures(flat), strict=False)
    ]
    assert ratio[0] < 0.85 * ratio[-1]


def test_grey_levels_do_not_depend_on_the_unit_of_the_scanner(reference: tuple, tmp_path: Path):
    _, images = reference
    outcome = prepare(save(HEAD.image * 37 + 500, tmp_path / "head.nii"))
    difference = np.abs(pictures(outcome).astype(int) - images)
    assert difference.max() <= 1


def test_a_blanked_background_does_not_change_the_grey_levels(reference: tuple, tmp_path: Path):
    _, images = reference
    blank = np.where(head_mask(HEAD.image), HEAD.image, 0)
    outcome = prepare(save(blank, tmp_path / "head.nii"))
    middle = np.abs(pictures(outcome).astype(int) - images)[:, 30:66, 30:66]
    assert middle.mean() < 12


def test_bright_scalp_fat_does_not_darken_the_brain(reference: tuple, tmp_path: Path):
    """A spin echo shows fat far brighter than a gradient echo does; the brain must not change."""
    _, images = reference
    head = head_mask(HEAD.image)
    skin = head & ~head_core(head, (2 * SPACING_MM,) * 3)  # told 5 mm, it takes off 10 of ours
    fat = np.where(skin & (HEAD.image > 150), 3 * HEAD.image, HEAD.image)
    outcome = prepare(save(fat, tmp_path / "head.nii"))
    difference = pictures(outcome).astype(int) - images
    assert np.abs(difference[:, 38:58, 38:58]).max() <= 12
    assert difference.max() > 40  # the fat did change


def test_the_core_lies_inside_the_head_and_away_from_its_surface():
    hollow = np.zeros((120, 120, 60), bool)
    hollow[10:110, 10:110, :55] = True  # 1 mm voxels; the top at 54, no floor: a neck
    hollow[58:61, 40:80, 5:25] = False  # ventricles are no surface
    expected = np.zeros_like(hollow)
    expected[30:90, 30:90, :35] = True
    np.testing.assert_array_equal(head_core(hollow, (1.0, 1.0, 1.0)), expected)
    thin = np.ones((10, 10, 10), bool)
    thin[0] = False
    np.testing.assert_array_equal(head_core(thin, (3.0, 3.0, 3.0)), thin)


def test_pictures_are_neither_black_nor_saturated(reference: tuple):
    for image in reference[1]:
        head = image[image > 20]
        assert 0.15 < head.size / image.size < 0.9
        assert 60 < np.median(head) < 220
        assert (image == 255).mean() < 0.05


def test_n4_flattens_a_shaded_head(tmp_path: Path):
    shade = np.exp(np.linspace(-0.5, 0.5, HEAD.image.shape[1]))[None, :, None]
    clean = make_head(np.random.default_rng(4))
    shaded = Volume(
        (clean.image * shade).astype(np.float32), (SPACING_MM,) * 3, np.eye(4), {"notes": []}
    )
    corrected = correct_bias_field(shaded)

    def front_to_back(data: np.ndarray) -> float:
        front, back = data[16:48, 44:60, 34:44], data[16:48, 16:32, 34:44]
        return float(np.log(np.percentile(front, 80) / np.percentile(back, 80)))

    assert abs(front_to_back(corrected.data)) < 0.4 * abs(front_to_back(shaded.data))
    assert corrected.facts["n4_log_field_sd"] > 0.05
    assert [step.name for step in chain.steps(BrainOptions(n4=True))] == ["n4"]
    assert chain.steps(BrainOptions()) == []


def test_sixteen_bits_and_minmax_are_honoured(tmp_path: Path):
    path = save(HEAD.image, tmp_path / "head.nii")
    outcome = prepare(path, bits=16, intensity="minmax")
    images = pictures(outcome)
    assert images.dtype == np.uint16 and images.max() > 255
    core = HEAD.image[head_core(head_mask(HEAD.image), (SPACING_MM,) * 3)]
    assert outcome.facts["black"] == pytest.approx(core.min(), abs=1e-3)
    assert outcome.facts["white"] == pytest.approx(core.max(), abs=1e-3)


def test_a_constant_head_has_no_grey_range():
    with pytest.raises(PrepError, match="constant"):
        Normalise.parse("percentile").range_of(np.full(10, 3.0))


def test_a_range_outside_of_the_head_is_refused(tmp_path: Path):
    path = save(HEAD.image, tmp_path / "head.nii")
    with pytest.raises(PrepError, match="no slice"):
        prepare(path, brain={"range": "900mm:950mm"})


def test_the_flags_reach_the_settings_and_survive_a_process_pool():
    parser = argparse.ArgumentParser()
    add_brain_arguments(parser)
    assert "30%:75%" in parser.format_help()  # argparse fails on an unescaped per cent sign
    parser.set_defaults(size=64, bits=8)
    chosen = brain_recipe(parser.parse_args(["--plane", "coronal", "--n4"]))
    assert chosen == BrainRecipe(64, options=BrainOptions(plane="coronal", n4=True))
    assert chosen.options.range == "30%:75%" and chosen.framing == "square"
    assert pickle.loads(pickle.dumps(chosen)) == chosen
    record = chosen.describe()
    assert record["framing"]["plane"] == "coronal"
    over = {"over": "the head below its outer 20 mm", "n4": True}
    assert record["intensity"] == {"policy": "percentile", "low": 0.5, "high": 99.0, **over}
    with pytest.raises(ValueError, match="a volume has none"):
        brain_recipe(parser.parse_args(["--intensity", "window"]))


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="planes"):
        BrainOptions.of({"planes": "axial"})
    for options in ({"plane": "oblique"}, {"range": "10:20"}, {"unoriented": "XYZ"}):
        with pytest.raises(ValueError, match="expected"):
            BrainOptions.of(options)


def test_the_real_edge_cases_are_prepared_or_refused(edge_cases):
    refused = set()
    for name, path in edge_cases.items():
        try:
            outcome = prepare(path, brain={"range": "0%:100%"}, size=64)
        except PrepError:
            refused.add(name)
            continue
        assert pictures(outcome).std() > 10, name
    assert refused == {
        *("09_4d_two_volumes.nii.gz", "13_truncated.nii.gz", "14_empty.nii.gz"),
        *("15_all_zero.nii.gz", "16_single_slice.nii.gz", "nibabel_example4d.nii.gz"),
        *("niftijs_5D_zeros.nii.gz", "niftijs_not-nifti.nii"),
    }


def test_one_real_head_in_seven_encodings_gives_the_same_pictures(edge_cases):
    names = ["01_RAS_int16", "02_LAS_int16", "03_LPI_int16", "04_AIL_int16", "05_qform_only"]
    names += ["07_oblique_12deg", "08_4d_singleton"]
    made = [pictures(prepare(edge_cases[f"{name}.nii.gz"])) for name in names]
    for other in made[1:]:
        np.testing.assert_array_equal(other, made[0])


def test_the_expected_slice_of_the_pack_is_what_comes_out(edge_cases, expected_slice):
    """Display of the stored RAS slice: anterior up, the patient's right on the left."""
    options = {"range": "0%:100%", "step": "1"}
    outcome = prepare(edge_cases["04_AIL_int16.nii.gz"], size=60, brain=options)
    picture = outcome.frames[outcome.chosen.index(30)].pixels.astype(float)  # 60 x 45, padded
    black, white = outcome.facts["black"], outcome.facts["white"]
    shown = np.rint(np.clip((expected_slice.T[::-1, ::-1] - black) / (white - black), 0, 1) * 255)
    wide = np.pad(shown, ((0, 0), (8, 8)))
    halves = (wide[:, :-1] + wide[:, 1:]) / 2  # the square is centred: half a pixel aside
    assert np.abs(picture - halves).mean() < 2
    assert np.abs(picture - halves[:, ::-1]).mean() > 5  # left and right are told apart


def test_the_letters_r_and_l_of_the_avg152_template_read_as_a_radiologist_expects(edge_cases):
    """The template has R and L drawn into its voxels: R belongs on the left, L on the right."""
    outcome = prepare(edge_cases["avg152T1_LR_nifti.nii.gz"])
    letters = pictures(outcome).min(axis=0) == 255  # drawn through every slice
    columns = np.flatnonzero(letters.any(axis=0))
    gap = columns[np.argmax(np.diff(columns))] + 1
    left, right = letters[:, :gap], letters[:, gap:]
    for letter in (left, right):
        assert letter.sum() > 20
    rows = np.flatnonzero(right.any(axis=1))
    foot, stem = np.flatnonzero(right[rows[-2]]), np.flatnonzero(right[rows[1]])
    assert len(foot) > 2 * len(stem)  # an L: its long line is at the bottom,
    assert stem[0] - foot[0] <= 2 < foot[-1] - stem[-1]  # its stem on the left of it
    rows = np.flatnonzero(left.any(axis=1))
    assert left[rows[:3]].sum() > right[rows[:3]].sum()  # an R is closed at the top, an L is not


@pytest.mark.parametrize(("kept", "noted"), [(1.0, False), (0.6, True)])
def test_a_scan_that_ends_inside_the_head_is_noted(tmp_path, kept, noted):
    data = HEAD.image[:, :, : round(kept * HEAD.image.shape[2])]
    whole = save(data, tmp_path / "head.nii")
    assert (CUT_NOTE in prepare(whole).facts.get("notes", ())) is noted
    assert CUT_NOTE not in prepare(whole, brain={"plane": "sagittal"}).facts.get("notes", ())
