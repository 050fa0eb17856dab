"""The chain of corrections: each step does its part, is recorded, and fails with a reason."""

import argparse
import json
import stat
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_multi_frame, write_stack
from heads import AFFINE, as_volume, phantom, save, save_template, turn
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from data_prep.brain import BrainRecipe, chain, extraction
from data_prep.brain.options import BrainOptions, resolved
from data_prep.brain.registration import place
from data_prep.cli.brains import add_brain_arguments, brain_recipe
from data_prep.errors import PrepError, UsageError
from data_prep.frame import png
from data_prep.outcome import Outcome
from data_prep.read.volume.resample import onto_grid
from data_prep.read.volume.volume import OtherImage
from data_prep.source import Source, Truth, Who
from data_prep.write_frames import write_head

HEAD = phantom(33, lesions=3)
GREY = HEAD.image.round().astype(np.int16)  # what a DICOM file can hold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """template.nii.gz and masks/<name>_mask.nii.gz of the head, under several names."""
    folder = tmp_path_factory.mktemp("chain")
    save_template(folder)
    for name in ("head", "stack", "one"):
        save(folder / f"masks/{name}_mask.nii.gz", HEAD.brain.astype(np.uint8))
    return folder


def options(folder: Path, **others: object) -> BrainOptions:
    chosen = {"brain": f"mask:{folder / 'masks'}", "mni": True, "spacing": 2.0, "least_ncc": 0.3}
    chosen["template"] = str(folder / "template.nii.gz")
    return resolved(BrainOptions(**{**chosen, **others}))  # type: ignore[arg-type]


def prepare(
    path: Path, output: Path, brain: BrainOptions, mask: Path | None = None, **others: str
) -> Outcome:
    kind = "series" if path.is_dir() else "nifti"
    source = Source(path.name, path, kind, who=Who("sub-1"), truth=Truth(mask=mask))
    return write_head(source, BrainRecipe(96, options=brain, **others), output)


def pictures(outcome: Outcome, output: Path) -> np.ndarray:
    return np.stack([png.load(output / image.image) for image in outcome.images]).astype(float)


@pytest.fixture(scope="module")
def reference(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, np.ndarray]:
    output = tmp_path_factory.mktemp("reference")
    path = save(output / "head.nii.gz", GREY)
    mask = save(output / "lesion.nii.gz", HEAD.mask.astype(np.uint8))
    outcome = prepare(path, output, options(folder), mask=mask)
    return outcome, pictures(outcome, output)


def test_the_same_head_as_nifti_stack_and_multi_frame_gives_the_same_slices_in_mni(
    folder: Path, reference: tuple, tmp_path: Path
):
    """Stored orders and containers change nothing: at most one grey level of rounding."""
    outcome, images = reference
    image = nib.Nifti1Image(GREY, AFFINE)
    for code, name in (("LPS", "stack"), ("PSR", "one")):
        turned = image.as_reoriented(
            ornt_transform(io_orientation(AFFINE), axcodes2ornt(tuple(code)))
        )
        data = np.asarray(turned.dataobj)
        if name == "stack":
            path = write_stack(tmp_path / name, data, turned.affine)
        else:
            file = tmp_path / name / "a.dcm"
            path = write_multi_frame(file, data, turned.affine, rescale=(1, 0)).parent
        again = prepare(path, tmp_path / "out", options(folder))
        assert [i.slice for i in again.images] == [i.slice for i in outcome.images]
        assert np.abs(pictures(again, tmp_path / "out") - images).max() <= 1, code


def test_a_head_tilted_in_the_scanner_gives_the_same_slices_within_interpolation(
    folder: Path, reference: tuple, tmp_path: Path
):
    """12 degrees and 15 mm elsewhere, interpolated twice: mean difference under 5 %."""
    _, images = reference
    there = np.linalg.inv(turn((12, 3, -5), move=(15, -6, 9)))
    shape, affine = (84, 96, 84), AFFINE.copy()
    affine[:3, 3] -= 10 * 2.5
    for name, data in (("head.nii.gz", GREY), ("masks/head_mask.nii.gz", HEAD.brain)):
        moved = onto_grid(place(as_volume(data), there), shape, affine).data
        moved = moved > 0.5 if data.dtype == bool else moved.round()
        save(tmp_path / name, moved.astype(np.int16), affine)
    chosen = options(folder, brain=f"mask:{tmp_path / 'masks'}")
    outcome = prepare(tmp_path / "head.nii.gz", tmp_path / "out", chosen)
    difference = np.abs(pictures(outcome, tmp_path / "out") - images)
    inside = images > 0
    assert difference[inside].mean() < 0.05 * 255
    untilted = np.abs(np.roll(images, 4, axis=1) - images)[inside].mean()
    assert difference[inside].mean() < untilted / 3  # 4 pixels beside each other


def test_the_lesion_mask_lies_on_the_lesion_in_template_space(folder: Path, tmp_path: Path):
    ill = GREY.copy()
    ill[HEAD.mask] = 500  # twice the brightest tissue
    mask = save(tmp_path / "lesion.nii.gz", HEAD.mask.astype(np.uint8))
    path = save(tmp_path / "head.nii.gz", ill)
    chosen = options(folder, range="mni:-60:80", step="1", least_foreground=0)
    made = prepare(path, tmp_path, chosen, mask=mask, intensity="minmax")
    bright = pictures(made, tmp_path) > 190
    inside = np.stack([png.load(tmp_path / str(i.mask)) > 0 for i in made.images])
    assert inside.any()
    assert 2 * (bright & inside).sum() / (bright.sum() + inside.sum()) > 0.85
    assert made.details["lesion_outside_brain"] < 0.2


def test_outside_of_the_brain_all_is_black_and_facts_tell_how_it_went(reference: tuple):
    outcome, images = reference
    assert (images[:, :4] == 0).all() and (images[:, :, :4] == 0).all()
    facts = outcome.details
    true_ml = HEAD.brain.sum() * 2.5**3 / 1000
    assert facts["brain_ml"] == pytest.approx(true_ml, rel=0.01)
    assert facts["registration_dice"] > 0.95 and 0.3 < facts["registration_ncc"] < 1
    assert facts["mni_mm"][0] == -10.0 and facts["mni_mm"][-1] == 50.0
    assert np.diff(facts["mni_mm"]) == pytest.approx(4)
    assert facts["qc"] == "qc/sub-1/01.png"


def test_a_rejected_head_leaves_its_strip_and_no_images(folder: Path, tmp_path: Path):
    path = save(tmp_path / "head.nii.gz", GREY)
    with pytest.raises(PrepError, match=r"registration failed.*correlation.*overlap"):
        prepare(path, tmp_path / "out", options(folder, least_ncc=0.999))
    assert (tmp_path / "out/qc/sub-1/01.png").is_file()
    assert not (tmp_path / "out/images").exists()


def test_cubes_without_a_template(folder: Path, tmp_path: Path):
    path = save(tmp_path / "head.nii.gz", GREY[:, :, ::2], AFFINE @ np.diag([1, 1, 2, 1]))
    chosen = BrainOptions(spacing=2.0, range="20%:80%")
    facts = prepare(path, tmp_path / "out", chosen).details
    assert facts["spacing_prepared_mm"] == 2.0
    assert facts["shape_prepared"] == [80, 95, 79]  # 157.5, 187.5 and 155 mm of voxel centres


def test_the_chain_is_recorded_with_its_settings_and_no_path(folder: Path):
    chosen = options(folder, n4=True)
    told = chain.record(chosen)
    assert [step["step"] for step in told] == ["reorient", "n4", "extract", "register", "resample"]
    assert told[2] == {"step": "extract", "method": "mask", "version": ""}
    assert told[3]["template"] == "template.nii.gz" and len(told[3]["template_sha256"]) == 64
    assert str(folder) not in json.dumps([told, chosen.public()])
    assert [step["step"] for step in chain.record(BrainOptions())] == ["reorient"]


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"mni": True}, "--brain method"),
        ({"range": "mni:-10:50"}, "with --mni only"),
        ({"normalise": "white"}, "--brain method"),
        ({"spacing": 0.01}, "0.2 to 10"),
        ({"registration": "magic", "mni": True, "brain": "auto"}, "simpleitk or elastix"),
        ({"least_ncc": 2}, "0 to 1"),
        ({"disagreement": "both"}, "sform"),
        ({"mni": True, "brain": "auto", "range": "mni:50:-10"}, "lower number first"),
    ],
)
def test_choices_that_do_not_go_together_are_refused_before_any_work(chosen: dict, text: str):
    with pytest.raises(ValueError, match=text):
        BrainOptions(**chosen)


def test_auto_takes_what_is_installed_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    installed: dict[str, str] = {}
    monkeypatch.setattr(extraction, "_version", lambda name: installed.get(name, ""))
    with pytest.raises(ValueError, match=r"neither deepbet nor brainextractor.*pip install"):
        extraction.resolve("auto")
    installed["brainextractor"] = "0.3.0"
    assert extraction.resolve("auto") == ("brainextractor", "0.3.0")
    installed["deepbet"] = "1.0.2"
    assert extraction.resolve("auto") == ("deepbet", "1.0.2")
    with pytest.raises(ValueError, match="hd-bet is not installed"):
        extraction.resolve("hd-bet")
    with pytest.raises(ValueError, match="unknown"):
        extraction.resolve("fsl")
    with pytest.raises(ValueError, match="no such folder"):
        extraction.resolve("mask:/nowhere")


def fake_program(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program named hd-bet that does `body` with its arguments `given` and `made`."""
    program = folder / "hd-bet"
    program.write_text(
        f"#!{sys.executable}\nimport sys\ngiven, made = sys.argv[2], sys.argv[4]\n{body}\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script with a first line")
def test_a_program_of_its_own_gets_the_head_and_gives_the_mask(tmp_path, monkeypatch):
    threshold = (
        "import nibabel as nib\nimage = nib.load(given)\n"
        "mask = (image.get_fdata() > 60).astype('uint8')\n"
        "nib.save(nib.Nifti1Image(mask, image.affine), made[:-7] + '_bet.nii.gz')"
    )
    fake_program(tmp_path, threshold, monkeypatch)
    assert extraction.resolve("hd-bet")[0] == "hd-bet"
    found = extraction.extract(as_volume(GREY), "hd-bet")
    np.testing.assert_array_equal(found, GREY > 60)
    for body, detail in (("print('Jane Doe'); sys.exit(3)", "exit code 3"), ("", "no mask")):
        fake_program(tmp_path, body, monkeypatch)
        with pytest.raises(PrepError, match=f"brain extraction failed.*{detail}") as caught:
            extraction.extract(as_volume(GREY), "hd-bet")
        assert "Jane" not in str(caught.value)


def test_masks_of_ones_own_are_found_by_name_and_a_missing_one_is_an_error(tmp_path: Path):
    for name in ("a_mask.nii", "x/b_brain_mask.nii.gz", "sub-1_desc-brain_mask.nii.gz", "c.nii.gz"):
        save(tmp_path / name, HEAD.brain.astype(np.uint8))
    found = {
        name: extraction.own_mask(f"mask:{tmp_path}", name).name
        for name in ("a.nii.gz", "x/b.nii", "y/sub-1_T1w.nii.gz", "c.nii.gz")
    }
    assert list(found.values()) == [
        "a_mask.nii", "b_brain_mask.nii.gz", "sub-1_desc-brain_mask.nii.gz", "c.nii.gz",
    ]  # fmt: skip
    with pytest.raises(PrepError, match="no brain mask for this scan"):
        extraction.own_mask(f"mask:{tmp_path}", "d.nii.gz")


def test_a_mask_that_fits_the_scans_of_several_subjects_is_refused(tmp_path: Path):
    method = f"mask:{tmp_path}"
    for name in ("T1_mask.nii", "study_mask.nii", "sub-1_desc-brain_mask.nii.gz"):
        save(tmp_path / name, HEAD.brain.astype(np.uint8))
    for scans in (("A/T1.nii", "B/T1.nii"), ("study_00.nii", "study_01.nii")):
        subjects = dict(zip(scans, "AB", strict=True))
        with pytest.raises(UsageError, match="1 brain masks fit the scans of several subjects"):
            extraction.require_masks_of_one(method, subjects)
        extraction.require_masks_of_one(method, dict.fromkeys(scans, "A"))
        extraction.require_masks_of_one("auto", subjects)
    save(tmp_path / "A" / "T1_mask.nii", HEAD.brain.astype(np.uint8))
    extraction.require_masks_of_one(method, {"A/T1.nii": "A", "B/T1.nii": "B", "C.nii": "C"})


def test_a_brain_of_an_impossible_size_is_refused(folder: Path, tmp_path: Path):
    tiny = np.zeros(GREY.shape, np.uint8)
    tiny[30:33, 30:33, 30:33] = 1
    save(tmp_path / "masks/head_mask.nii.gz", tiny)
    path = save(tmp_path / "head.nii.gz", GREY)
    with pytest.raises(PrepError, match=r"no brain of a possible size.*0 ml"):
        prepare(path, tmp_path / "out", options(folder, brain=f"mask:{tmp_path / 'masks'}"))


def test_a_stripped_scan_needs_no_extraction(folder: Path, tmp_path: Path):
    path = save(tmp_path / "head.nii.gz", np.where(HEAD.brain, GREY, 0).astype(np.int16))
    outcome = prepare(path, tmp_path / "out", options(folder, brain="stripped"))
    true_ml = HEAD.brain.sum() * 2.5**3 / 1000
    assert outcome.details["brain_ml"] == pytest.approx(true_ml, rel=0.02)


@pytest.mark.parametrize(("method", "least"), [("deepbet", 0.95), ("brainextractor", 0.9)])
def test_installed_programs_find_the_phantoms_brain(method: str, least: float):
    if not extraction._version(method):
        pytest.skip(f"{method} is not installed")
    found = extraction.extract(as_volume(HEAD.image), method)
    dice = 2 * (found & HEAD.brain).sum() / (found.sum() + HEAD.brain.sum())
    assert dice > least


def test_a_bids_tree_gives_t1w_images_with_the_facts_of_their_sidecars(tmp_path: Path):
    place_ = tmp_path / "sub-01/anat"
    image = save(place_ / "sub-01_T1w.nii.gz", GREY)
    other = save(place_ / "sub-01_T2w.nii.gz", GREY)
    (tmp_path / "T1w.json").write_text('{"MagneticFieldStrength": 1.5, "PatientName": "Jane Doe"}')
    outcome = prepare(image, tmp_path / "out", BrainOptions(range="20%:80%"))
    assert outcome.details["field_strength_t"] == 1.5
    assert "Jane" not in str(outcome)
    with pytest.raises(OtherImage, match="another BIDS image than T1w"):
        prepare(other, tmp_path / "out", BrainOptions())
    assert prepare(other, tmp_path / "out", BrainOptions(suffix="T2w")).images


def test_flags_become_options_and_what_decides_pixels_is_in_them(folder: Path):
    parser = argparse.ArgumentParser()
    add_brain_arguments(parser)
    text = f"--n4 --brain mask:{folder / 'masks'} --mni --template {folder / 'template.nii.gz'}"
    parser.set_defaults(size=96, bits=8)
    recipe = brain_recipe(parser.parse_args([*text.split(), "--intensity", "white:0.7"]))
    brain = recipe.options
    assert (brain.spacing, brain.range, brain.normalise) == (1.0, "mni:-10:50", "white:0.7")
    assert recipe.describe()["intensity"] == {
        "policy": "white", "white_matter_at": 0.7, "over": "the brain", "n4": True,
    }  # fmt: skip
    own = folder / "masks/head_mask.nii.gz"
    assert extraction.own_mask(brain.brain, "head.nii.gz") == own
