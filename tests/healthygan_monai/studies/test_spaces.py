"""Maps in the space of their file: corners of films, voxels of heads."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import heads
import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform
from planted_names import film
from served_bundle import head

import healthygan_monai as hg
from data_prep.brain.options import BrainOptions, resolved
from data_prep.brain.recipe import BrainRecipe
from data_prep.files import read_json, sha256
from data_prep.read.dicom.write import save_dicom
from data_prep.repeat import Work, default_recipe
from healthygan_monai.api.model import Model
from healthygan_monai.api.results import Problem
from healthygan_monai.data import to_display
from healthygan_monai.models.scorer import Scored
from healthygan_monai.scoring import read_scores, subject_rows
from healthygan_monai.studies.case import CaseResult
from healthygan_monai.studies.score import score_cases

INLINE = Work(0)
ROWS, COLUMNS = 96, 64


def shows_its_input(trained: Path, recipe: dict) -> Model:
    """A model whose difference map is the image that it sees."""
    model = hg.load_model(trained, "cpu")

    def compute(images):
        return Scored(images.mean((1, 2, 3)), {"difference": to_display(images)[:, None]})

    scorer = replace(model.scorer, compute=compute, image_size=recipe["size"])
    return Model(model.checkpoint, scorer, recipe)


def cases(model: Model, given: Path, **options: object) -> list[CaseResult]:
    found = list(score_cases(model, given, map_threshold=0.7, work=INLINE, options=options or None))
    problems = [str(each) for each in found if isinstance(each, Problem)]
    assert not problems
    return found


@pytest.mark.parametrize("framing", ["none", "square"])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("orientation", [["L", "F"], ["R", "F"], ["F", "L"], ["H", "R"]])
@pytest.mark.parametrize("collimation", ["keep", "remove"])
def test_a_marked_corner_is_in_the_same_corner_of_the_film(
    trained, tmp_path, framing, corner, orientation, collimation
):
    pixels = np.full((ROWS, COLUMNS), 1200, "<u2")
    pixels[::2] += 100  # the exposed field is not of one grey
    border = 8 if collimation == "remove" else 0
    if border:
        pixels[:border], pixels[-border:], pixels[:, :border], pixels[:, -border:] = 0, 0, 0, 0
    row, column = (
        border if end == 0 else n - border - 12
        for end, n in zip(corner, (ROWS, COLUMNS), strict=True)
    )
    pixels[row : row + 12, column : column + 12] = 4000
    dataset = film("Doe^Jane", Rows=ROWS, Columns=COLUMNS, PatientOrientation=orientation,
                   WindowCenter="2000", WindowWidth="4000")  # fmt: skip
    dataset.PixelData = pixels.tobytes()
    save_dicom(dataset, tmp_path / "a.dcm")
    recipe = {**default_recipe("films", 64), "framing": {"policy": framing},
              "collimation": collimation}  # fmt: skip
    (case,) = cases(shows_its_input(trained, recipe), tmp_path, orient="header",
                    burned_in="allow")  # fmt: skip
    assert case.difference.shape == case.marked.shape == (ROWS, COLUMNS)
    expected = pixels == 4000
    overlap = (case.marked & expected).sum() / (case.marked | expected).sum()
    assert overlap > 0.7
    if case.shown.shape == expected.shape:
        assert np.array_equal(case.shown > 200, expected)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PSR", "AIL"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_planted_voxel_is_the_same_voxel_of_the_map(trained, tmp_path, axes, plane, run):
    data = head((14, 18, 12))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -11, 7, 5
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(axes))
    own = nib.Nifti1Image(data, affine).as_reoriented(turn)
    assert np.allclose(own.affine, affine @ inv_ornt_aff(turn, data.shape))
    (tmp_path / "in").mkdir()
    nib.save(own, tmp_path / "in" / "Doe_Jane.nii.gz")
    options = BrainOptions(plane=plane, range="0%:100%", step="1", least_foreground=0.01)
    side = {"axial": 18, "coronal": 14, "sagittal": 18}[plane]  # voxels: nothing is resampled
    recipe = BrainRecipe(side, framing="square", intensity="minmax", options=options).record()
    (case,) = cases(shows_its_input(trained, recipe), tmp_path / "in")
    assert case.kind == "volume" and np.array_equal(case.affine, own.affine)
    assert case.difference.shape == own.shape
    planted = np.unravel_index(np.argmax(own.get_fdata()), own.shape)
    assert np.unravel_index(np.argmax(case.difference), own.shape) == planted
    assert [tuple(voxel) for voxel in np.argwhere(case.marked)] == [planted]
    counted = [each.score for each in case.slice_scores if each.counted]
    assert 0 < len(counted) <= len(case.slice_scores)
    assert case.score == pytest.approx(np.mean(counted))


@pytest.fixture(scope="module")
def brain_run(trained, tmp_path_factory) -> Path:
    """A run that learned from slices of phantom heads."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("runs") / trained.name)
    facts = {**read_json(run / "run.json"), "recipe": default_recipe("brains", 32)}
    (run / "run.json").write_text(json.dumps(facts))
    return run


def test_a_head_gives_the_scores_of_prep_and_infer_and_a_volume_in_its_space(
    brain_run, tmp_path, run
):
    given, output, data = tmp_path / "Doe_Jane", tmp_path / "o", tmp_path / "data"
    for seed in (21, 22):
        heads.save(given / f"head{seed}.nii.gz", heads.phantom(seed).image)
    code, said, _ = run("score", brain_run, given, output, "--jobs", "1", "--device", "cpu", "-q")
    assert code == 0, said
    key = tmp_path / "o.key"
    assert run("prep", "brains", given, data, "--size", "32", "--key", key, "-q")[0] == 0
    assert run("infer", brain_run, data, "--output", tmp_path / "i", "--device", "cpu")[0] == 0
    expected = {row.image: row for row in read_scores(tmp_path / "i" / "scores.csv")}
    rows = read_scores(output / "scores.csv")
    assert [row.image for row in rows] == list(expected)
    for row in rows:  # in batches of another size the last digits differ
        assert row.score == pytest.approx(expected[row.image].score, rel=1e-6)
        assert replace(row, score=0) == replace(expected[row.image], score=0)
    assert len(list((output / "maps").iterdir())) == 4
    for map_file in (output / "maps").glob("*_01.nii.gz"):
        found, marked = nib.load(map_file), nib.load(str(map_file).replace("_01.", "_01_marked."))
        assert found.shape == marked.shape == heads.phantom().image.shape
        assert np.array_equal(found.affine, heads.AFFINE)
        assert np.array_equal(marked.affine, heads.AFFINE)
        assert found.get_data_dtype() == np.float32 and marked.get_data_dtype() == np.uint8
        assert set(np.unique(marked.dataobj)) <= {0, 1}
        assert b"not for diagnosis" in found.header["descrip"].item()
    subjects = {row.subject: row.score for row in subject_rows(rows)}
    text = (output / "subjects.csv").read_text()
    assert all(f"{subject},{score!r},mean" in text for subject, score in subjects.items())
    assert "Doe" not in text


def test_a_map_on_a_template_comes_back_to_the_voxels_of_the_scan(trained, tmp_path):
    whole = heads.phantom(21)
    matrix = heads.turn((0, 0, 12), move=(6, -4, 3))
    affine = matrix @ heads.AFFINE
    brain = np.where(whole.brain, whole.image, 0).astype(np.float32)
    heads.save(tmp_path / "in" / "a.nii.gz", brain, affine)
    template = heads.save_template(tmp_path)
    options = resolved(BrainOptions(brain="stripped", mni=True, template=str(template), spacing=2.5,
                                    least_ncc=0.3))  # fmt: skip
    recipe = BrainRecipe(64, options=options, framing="square").record()
    recipe["options"]["template"] = str(template)
    assert recipe["options"]["template_sha256"] == sha256(template)
    (case,) = cases(shows_its_input(trained, recipe), tmp_path / "in")
    assert case.difference.shape == brain.shape and np.allclose(case.affine, affine)
    near = nib.load(tmp_path / "in" / "a.nii.gz").get_fdata()
    assert np.corrcoef(near.ravel(), case.difference.ravel())[0, 1] > 0.9
