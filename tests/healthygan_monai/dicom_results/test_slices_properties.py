"""A volume in any order of its axes, of any size, turned as you like, is put on its slices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from healthygan_monai.dicom_results.frames import LPS_TO_RAS, frames_of, to_slices
from healthygan_monai.errors import PrepError

sizes = st.tuples(*[st.integers(1, 7)] * 3)  # columns, rows, slices
spacings = st.tuples(*[st.floats(0.3, 6)] * 3)
seeds = st.integers(0, 2**16)
orders = st.permutations([0, 1, 2])
flips = st.tuples(*[st.sampled_from([1, -1])] * 3)


def placed(spacing: tuple[float, float, float], seed: int) -> np.ndarray:
    """A right-handed affine (column, row, slice) -> LPS mm, somewhere."""
    random = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(random.normal(size=(3, 3)))
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * spacing, random.uniform(-200, 200, 3)
    return affine


def sources(size: tuple[int, int, int], affine: np.ndarray) -> list[Dataset]:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    found = []
    for k in range(size[2]):
        one = Dataset()
        one.Columns, one.Rows, one.SliceThickness = size[0], size[1], float(lengths[2])
        one.ImageOrientationPatient = [
            *(float(v) for v in affine[:3, 0] / lengths[0]),
            *(float(v) for v in affine[:3, 1] / lengths[1]),
        ]
        one.PixelSpacing = [float(lengths[1]), float(lengths[0])]
        one.ImagePositionPatient = [float(v) for v in (affine @ [0, 0, k, 1])[:3]]
        found.append(one)
    return found


@given(sizes, spacings, seeds, orders, flips, st.randoms(use_true_random=False))
def test_each_voxel_goes_to_the_pixel_at_its_place(size, spacing, seed, order, flips, random):
    affine = placed(spacing, seed)
    own = np.arange(np.prod(size)).reshape(size)
    volume = own.transpose(order)[:: flips[0], :: flips[1], :: flips[2]]
    of_volume = np.eye(4)
    of_volume[:3, :3] = affine[:3, order] * flips
    ends = [0 if flip > 0 else n - 1 for flip, n in zip(flips, volume.shape, strict=True)]
    of_volume[:3, 3] = affine[:3, 3] - of_volume[:3, :3] @ ends
    stack = list(enumerate(sources(size, affine)))
    random.shuffle(stack)
    found = to_slices(volume, LPS_TO_RAS @ of_volume, [one for _, one in stack])
    np.testing.assert_array_equal(found, own.transpose(2, 1, 0)[[k for k, _ in stack]])


@given(sizes, spacings, seeds, st.integers(0, 2), st.floats(0.2, 0.8))
def test_a_grid_that_is_off_by_a_part_of_a_voxel_is_refused(size, spacing, seed, axis, part):
    affine = placed(spacing, seed)
    moved = affine.copy()
    moved[:3, 3] += part * affine[:3, axis]
    with pytest.raises(PrepError, match="the grid of the map is not that of the source slices"):
        to_slices(np.zeros(size), LPS_TO_RAS @ moved, sources(size, affine))


@given(sizes, spacings, seeds)
def test_a_pixels_place_is_that_of_the_standard(size, spacing, seed):
    affine = placed(spacing, seed)
    frames = frames_of(sources(size, affine))
    assert frames is not None
    for k in range(size[2]):
        for column, row in ((0, 0), (size[0] - 1, 0), (2, 3)):
            np.testing.assert_allclose(
                frames.affine(k) @ [column, row, 0, 1], affine @ [column, row, k, 1], atol=1e-6
            )
