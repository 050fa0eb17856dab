"""A planted affine is found again, and a brain that does not fit is refused with its figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import AFFINE, as_volume, phantom, save, save_template, turn

from data_prep.brain.registration import (
    LEAST_DICE,
    LEAST_NCC,
    Registration,
    measure,
    place,
    refuse_poor,
    register,
)
from data_prep.brain.registration_elastix import require
from data_prep.brain.template import Template, find_template, load_template, slice_grid
from data_prep.read.volume.resample import onto_grid
from data_prep.read.volume.volume import Volume, VolumeError

TOLERANCE_MM = 0.6  # largest error of any voxel of the brain; the voxels are 2.5 mm


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return load_template(save_template(tmp_path_factory.mktemp("template")))


def moved(matrix: np.ndarray, seed: int = 21) -> tuple[Volume, np.ndarray]:
    """The phantom and its brain after `matrix` (template mm -> subject mm), on a roomy grid."""
    head = phantom(seed)
    shape, affine = (80, 92, 80), AFFINE.copy()
    affine[:3, 3] -= 8 * 2.5
    there = np.linalg.inv(matrix)
    volume = onto_grid(place(as_volume(head.image), there), shape, affine)
    brain = onto_grid(place(as_volume(head.brain), there), shape, affine).data > 0.5
    return volume, brain


def error_mm(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest distance between where two matrices put the voxels of the template's brain."""
    index = np.argwhere(phantom().brain)
    points = np.c_[index, np.ones(len(index))] @ AFFINE.T
    return float(np.linalg.norm((points @ (found - truth).T)[:, :3], axis=1).max())


@pytest.mark.parametrize(
    "planted",
    [
        turn((0, 0, 0)),
        turn((12, 4, -6), (1.06, 0.95, 1.03), (14, -9, 11)),
        turn((-20, 0, 8), (0.93, 0.93, 0.98), (0, 30, -25)),
    ],
)
def test_a_planted_affine_is_recovered_within_a_quarter_of_a_voxel(planted, template):
    volume, brain = moved(planted)
    found = register(volume, brain, template)
    assert error_mm(found.matrix, planted) < TOLERANCE_MM
    assert found.ncc > 0.95 and found.dice > 0.96
    refuse_poor(found, LEAST_NCC, LEAST_DICE)


def test_grey_levels_and_their_unit_do_not_matter(template: Template):
    planted = turn((8, 0, 5), (1.02, 1.0, 0.97), (5, 6, -7))
    volume, brain = moved(planted)
    found = register(replace(volume, data=volume.data * 37 + 500), brain, template)
    assert error_mm(found.matrix, planted) < TOLERANCE_MM
    again = register(replace(volume, data=volume.data * 37 + 500), brain, template)
    np.testing.assert_array_equal(again.matrix, found.matrix)  # one thread, one seed


@pytest.mark.parametrize("wrong", [turn((180, 0, 0)), turn((0, 0, 0), move=(0, 0, 25))])
def test_a_brain_laid_wrongly_is_measured_as_such_and_refused(wrong, template):
    volume, brain = moved(np.eye(4))
    right = measure(volume, brain, template, np.eye(4))
    bad = measure(volume, brain, template, wrong)
    assert bad.ncc < right.ncc and bad.dice < right.dice and bad.nmi < right.nmi
    with pytest.raises(VolumeError, match=r"registration failed.*correlation 0\.\d\d.*--least-ncc"):
        refuse_poor(bad, LEAST_NCC, LEAST_DICE)
    refuse_poor(bad, 0, 0)  # the user's own threshold


def test_an_impossible_size_is_refused_whatever_the_correlation():
    squashed = Registration(np.eye(4), ncc=0.99, nmi=1.5, dice=0.99, scales=(0.3, 1.0))
    with pytest.raises(VolumeError, match=r"scales 0\.30"):
        refuse_poor(squashed, LEAST_NCC, LEAST_DICE)


def test_another_persons_brain_fits_the_template_well_enough(template: Template):
    volume, brain = moved(np.eye(4), seed=33)
    found = register(volume, brain, template)
    refuse_poor(found, 0.3, 0.9)  # folds of phantoms have nothing in common
    assert all(0.8 < scale < 1.25 for scale in found.scales)


def test_a_template_is_a_brain_and_its_grid_holds_whole_millimetres(tmp_path: Path):
    template = load_template(save_template(tmp_path))
    shape, affine = slice_grid(template, 2.0)
    assert np.allclose(affine[:3, 3] % 2.0, 0) and np.allclose(np.diag(affine)[:3], 2.0)
    index = np.argwhere(template.brain)
    world = index @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    inside = (world - affine[:3, 3]) / 2.0
    assert inside.min() >= 4 and (inside.max(axis=0) <= np.array(shape) - 5).all()  # 8 mm of room
    with pytest.raises(VolumeError, match="template: not a brain-extracted"):
        full = np.linspace(100, 200, 60 * 70 * 60, dtype=np.float32).reshape(60, 70, 60)
        whole = np.pad(full, 2)  # 3.9 litres
        load_template(save(tmp_path / "head.nii", whole))
    with pytest.raises(ValueError, match="no such file"):
        find_template(str(tmp_path / "gone.nii"))


def test_without_nilearn_the_error_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"nilearn is not installed.*--template"):
        find_template()


def test_elastix_finds_the_same_affine_where_it_is_installed(template: Template):
    try:
        require()
    except ValueError as error:
        assert "pip install itk-elastix" in str(error)
        pytest.skip("itk-elastix is not installed")
    planted = turn((12, 4, -6), (1.06, 0.95, 1.03), (14, -9, 11))
    volume, brain = moved(planted)
    found = register(volume, brain, template, "elastix")
    assert error_mm(found.matrix, planted) < 2 * TOLERANCE_MM
