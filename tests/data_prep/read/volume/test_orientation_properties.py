"""A head in any order of its axes, tilted or not, is read in RAS+ order and stays in its place."""

from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import aff2axcodes
from scipy.spatial.transform import Rotation

from data_prep.read.volume.open_volume import read_mask, read_volume
from data_prep.read.volume.volume import volume_digest

sizes = st.tuples(*[st.integers(2, 7)] * 3)
spacings = st.tuples(*[st.integers(4, 60).map(lambda tenths: tenths / 10)] * 3)
tilts = st.tuples(*[st.floats(-20, 20)] * 3)  # degrees: RAS stay the closest axes
orders = st.permutations([0, 1, 2])
flips = st.tuples(*[st.sampled_from([1, -1])] * 3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heads") / "head.nii"


def stored(size, spacing, tilt, order, flips) -> tuple[np.ndarray, np.ndarray, nib.Nifti1Image]:
    """Voxels and affine in RAS+ order, and the same head with its axes in another order."""
    ras = np.arange(np.prod(size), dtype=np.int16).reshape(size)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix() * spacing
    affine[:3, 3] = (-30, 20, 7)
    data = ras.transpose(order)[:: flips[0], :: flips[1], :: flips[2]]
    other = np.eye(4)
    other[:3, :3] = affine[:3, order] * flips
    ends = [0 if flip > 0 else n - 1 for flip, n in zip(flips, data.shape, strict=True)]
    other[:3, 3] = affine[:3, 3] - other[:3, :3] @ ends
    return ras, affine, nib.Nifti1Image(data, other)


@given(sizes, spacings, tilts, orders, flips)
def test_every_order_of_the_axes_gives_one_array_in_one_place(
    path, size, spacing, tilt, order, flips
):
    ras, affine, image = stored(size, spacing, tilt, order, flips)
    nib.save(image, path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, ras)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-3)
    np.testing.assert_allclose(volume.spacing, spacing, atol=1e-3)
    assert aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.facts["orientation"] == "".join(aff2axcodes(image.affine))
    assert volume.facts["shape_ras"] == list(size)


@given(sizes, spacings, orders, flips, st.integers(0, 2**16))
def test_a_mask_in_another_order_marks_the_same_voxels(path, size, spacing, order, flips, seed):
    ras, affine, _ = stored(size, spacing, (0, 0, 0), [0, 1, 2], (1, 1, 1))
    nib.save(nib.Nifti1Image(ras, affine), path)
    volume = read_volume(path)
    marked = np.random.default_rng(seed).uniform(size=size) > 0.5
    _, _, like = stored(size, spacing, (0, 0, 0), order, flips)
    turned = marked.transpose(order)[:: flips[0], :: flips[1], :: flips[2]]
    nib.save(nib.Nifti1Image(turned.astype(np.uint8), like.affine), path)
    np.testing.assert_array_equal(read_mask(path, volume), marked)


def test_all_forty_eight_orders_have_one_digest(path):
    digests = set()
    for order in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
        for signs in product((1, -1), repeat=3):
            nib.save(stored((3, 4, 5), (1, 2, 3), (0, 0, 0), order, signs)[2], path)
            digests.add(volume_digest(read_volume(path)))
    assert len(digests) == 1
