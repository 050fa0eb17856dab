"""A volume on another grid: straightened along the patient's axes, or laid onto another volume."""

from dataclasses import replace

import numpy as np

from data_prep.read.volume.volume import Volume, voxel_size


def straighten(volume: Volume) -> Volume:
    """Resample (linear) onto an RAS grid of the same spacing around the box."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.data.shape])).reshape(3, -1)
    world = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]  # (3, 8) mm
    low, high = world.min(axis=1), world.max(axis=1)
    shape = np.ceil((high - low) / volume.spacing - 1e-3).astype(int) + 1
    affine = np.diag([*volume.spacing, 1.0])
    affine[:3, 3] = low
    moved = onto_grid(volume, tuple(int(n) for n in shape), affine)
    facts = {**volume.facts, "straightened": True, "shape_ras": list(moved.data.shape)}
    return replace(moved, facts=facts)


def box_grid(
    volume: Volume, mm: float, *, margin_mm: float = 0.0, lowest: int = 0
) -> tuple[tuple[int, int, int], np.ndarray]:
    """(shape, affine), isotropic in RAS, of the volume's box plus margin_mm, from `lowest` up."""
    ends = [(0, n - 1) for n in volume.data.shape]
    ends[2] = (lowest, volume.data.shape[2] - 1)
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1)
    world = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]  # (3, 8) mm
    low, high = world.min(axis=1) - margin_mm, world.max(axis=1) + margin_mm
    r, a, s = (int(n) for n in np.ceil((high - low) / mm - 1e-3).astype(int) + 1)
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = low
    return (r, a, s), affine


def onto_grid(
    volume: Volume, shape: tuple[int, ...], affine: np.ndarray, *, nearest: bool = False
) -> Volume:
    """Resample onto a grid of `shape` and `affine` (RAS+ mm), linear or nearest.

    Outside 0, or the lowest value where that is negative.
    """
    import SimpleITK as sitk

    to_index = np.linalg.inv(volume.affine) @ affine  # new voxel index -> old voxel index
    transform = sitk.AffineTransform(to_index[:3, :3].ravel().tolist(), to_index[:3, 3].tolist())
    moved = sitk.Resample(
        sitk.GetImageFromArray(volume.data.transpose(2, 1, 0)),
        list(shape),
        transform,
        sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear,
        (0.0,) * 3,
        (1.0,) * 3,
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        min(0.0, float(volume.data.min())),
    )
    data = np.ascontiguousarray(sitk.GetArrayFromImage(moved).transpose(2, 1, 0))
    return Volume(data, voxel_size(affine), affine, volume.facts)
