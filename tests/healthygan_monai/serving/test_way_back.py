"""A map comes back to where in the file it is about."""

import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform
from served_bundle import head

from data_prep.brain.slices import NORMAL_AXIS, display, stacked
from data_prep.frame.framing import Framing
from healthygan_monai.serving.preparation import preparation
from healthygan_monai.serving.receive import receive

SPACING = (8.0, 7.0, 9.0)
ORDERS = list(itertools.permutations(["RL", "AP", "SI"]))
CODES = ["".join(code) for order in ORDERS for code in itertools.product(*order)]  # all 48


def nifti(path: Path, data: np.ndarray, codes: str, tilt: float = 0.0) -> nib.Nifti1Image:
    """An RAS+ array with axes in the order of ``codes``, turned by ``tilt`` degrees."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-30, 12, 5)
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    affine = np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1.0]]) @ affine
    ornt = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    image = nib.Nifti1Image(apply_orientation(data, ornt), affine @ inv_ornt_aff(ornt, data.shape))
    nib.save(image, path)
    return image


def recipe(**options) -> dict:
    return {"kind": "brains", "intensity": {"policy": "minmax"}, "options": options}


def returned(path: Path, **options):
    """Receive the file; return that, and its slices brought back as if they were maps."""
    received = receive(path, preparation(recipe(range="0mm:500mm", **options), 72))
    return received, received.back(received.pixels.astype(np.float32))


class TestFraming:
    @pytest.mark.parametrize("policy", ["paper", "square", "centre", "none"])
    @pytest.mark.parametrize("shape", [(90, 70), (61, 100), (40, 40)])
    @pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 1.5)])
    def test_a_spot_comes_back_to_its_place(self, policy, shape, spacing):
        image = np.zeros(shape, np.float32)
        row, column = shape[0] * 6 // 10, shape[1] * 4 // 10
        image[row - 1 : row + 2, column - 1 : column + 2] = 1
        framing = Framing(policy, 64)
        back = framing.restored(framing.image(image, spacing), shape, spacing)
        assert back.shape == shape and back.dtype == np.float32
        centre = np.average(np.indices(shape).reshape(2, -1), axis=1, weights=back.ravel())
        assert np.abs(centre - (row, column)).max() < 0.1

    @pytest.mark.parametrize("policy", ["paper", "square", "centre", "none"])
    def test_what_the_frame_did_not_reach_is_zero_and_all_else_is_not(self, policy):
        shape = (50, 80)
        framing = Framing(policy, 32)
        back = framing.restored(np.ones((32, 32), np.float32), shape)
        left, top, right, bottom = framing.box(shape)
        expected = np.zeros(shape)
        expected[max(0, int(top)) : int(bottom), max(0, int(left)) : int(right)] = 1
        np.testing.assert_allclose(back, expected, atol=1e-6)

    def test_a_mean_survives_where_the_image_is_coarser_than_the_frame(self):
        noise = np.random.default_rng(0).random((64, 64), np.float32)
        back = Framing("none", 64).restored(noise, (16, 16))
        assert back.mean() == pytest.approx(noise.mean(), rel=1e-2)
        assert back.std() < noise.std() / 3


class TestSlices:
    @pytest.mark.parametrize("plane", list(NORMAL_AXIS))
    def test_stacking_undoes_display(self, plane):
        data = np.random.default_rng(0).random((4, 5, 6))
        slices = [display(data, plane, i) for i in range(data.shape[NORMAL_AXIS[plane]])]
        np.testing.assert_array_equal(stacked(np.stack(slices), plane), data)


class TestOrientations:
    @pytest.mark.parametrize("codes", CODES)
    def test_a_map_lies_in_the_files_own_order_with_its_affine(self, codes, tmp_path):
        image = nifti(tmp_path / "head.nii.gz", head(), codes)
        _, back = returned(tmp_path / "head.nii.gz")
        np.testing.assert_allclose(back.affine.numpy(), image.affine, atol=1e-5)
        stored = image.get_fdata()
        # minmax of the core, which the bright voxel is in
        shown = np.clip(stored / 200, 0, 1) * 255
        assert back.shape == stored.shape
        assert np.unravel_index(np.argmax(back), back.shape) == np.unravel_index(
            np.argmax(stored), stored.shape
        )
        assert np.corrcoef(back.numpy().ravel(), shown.ravel())[0, 1] > 0.98

    @pytest.mark.parametrize("plane", list(NORMAL_AXIS))
    def test_in_every_plane(self, plane, tmp_path):
        image = nifti(tmp_path / "head.nii", head(), "PIR")
        received, back = returned(tmp_path / "head.nii", plane=plane)
        assert len(received.pixels) == head().shape[NORMAL_AXIS[plane]]
        assert np.argmax(back) == np.argmax(image.get_fdata())

    @pytest.mark.parametrize(
        "options", [{"straighten": True}, {"spacing": 4.0}, {"straighten": True, "spacing": 4.0}]
    )
    def test_of_a_tilted_scan_though_it_was_resampled(self, options, tmp_path):
        image = nifti(tmp_path / "head.nii.gz", head(), "LSP", tilt=12.0)
        _, back = returned(tmp_path / "head.nii.gz", **options)
        np.testing.assert_allclose(back.affine.numpy(), image.affine, atol=1e-4)
        stored = image.get_fdata()
        assert back.shape == stored.shape
        assert np.corrcoef(back.numpy().ravel(), stored.ravel())[0, 1] > 0.9

    def test_of_a_file_without_orientation_keeps_the_affine_that_viewers_assume(self, tmp_path):
        image = nifti(tmp_path / "head.nii", head(), "RAS")
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        nib.save(image, tmp_path / "head.nii")
        received, back = returned(tmp_path / "head.nii")
        np.testing.assert_allclose(back.affine, nib.load(tmp_path / "head.nii").affine, atol=1e-5)
        assert np.argmax(back) == np.argmax(image.get_fdata())
        assert any("states no orientation" in text for text in received.warnings)
