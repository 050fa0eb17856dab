"""Whole-volume steps between reading a head and cutting slices: head or air, core, bias field."""

from dataclasses import replace

import numpy as np

from data_prep.brain.grey_range import lowest_grey
from data_prep.read.volume.volume import Volume

ROBUST_RANGE = (2.0, 98.0)  # per cent; S. M. Smith, Hum Brain Mapp 17:143 (2002), Sec. "BET"
HEAD_LEVEL = 0.1  # of the robust range; same source
CORE_MM = 20.0  # scalp and skull of an adult together, with room to spare
LEAST_CORE = 0.05  # of the head; less is a scan cropped to a part of the brain
N4_GRID_MM = 6.0  # the field is smooth: a coarse grid finds it in a hundredth of the time
N4_MIN_SHAPE = 16  # voxels a side left on that grid; fewer cannot hold the spline
N4_ITERATIONS = (50, 50, 30, 20)


def head_mask(data: np.ndarray) -> np.ndarray:
    """Bool (R, A, S), True in the head: above t2 + 0.1 (t98 - t2), percentiles (Smith 2002).

    Voxels at the minimum do not count in the percentiles, so a blanked background changes nothing.
    """
    above = data[data > data.min()]
    low, high = np.percentile(above, ROBUST_RANGE)
    return data > low + HEAD_LEVEL * (high - low)


def head_core(head: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Bool (R, A, S): the solid head, fluid and bone included, without its outer 20 mm.

    Taken off at the sides and the top, not below: a neck that leaves the scan is no surface. Fat
    under the scalp is bright in a spin echo and middling in a gradient echo; a grey range with it
    would make one brain dark on one scanner and bright on the next. Where the core is less than a
    twentieth of the head (a scan of a part of the brain), the head itself is returned.
    """
    solid = _filled(head)
    core = solid.copy()
    for axis, mm in enumerate(spacing):
        steps = max(1, round(CORE_MM / mm))
        core &= _further(solid, steps, axis)
        if axis < 2:
            core &= _further(solid[_reversed(axis)], steps, axis)[_reversed(axis)]
    return core if core.sum() >= LEAST_CORE * head.sum() else head


def _filled(head: np.ndarray) -> np.ndarray:
    """True where head is on all four sides in the axial slice; this includes fluid and bone."""
    filled = np.ones_like(head)
    for axis in (0, 1):
        filled &= np.logical_or.accumulate(head, axis=axis)
        backwards = head[_reversed(axis)]
        filled &= np.logical_or.accumulate(backwards, axis=axis)[_reversed(axis)]
    return filled


def _further(mask: np.ndarray, steps: int, axis: int) -> np.ndarray:
    """The mask seen `steps` voxels up the axis; False beyond the volume, all True if too short."""
    if steps >= mask.shape[axis]:
        return np.ones_like(mask)
    pads = [(0, steps) if a == axis else (0, 0) for a in range(3)]
    return np.moveaxis(np.moveaxis(np.pad(mask, pads), axis, 0)[steps:], 0, axis)


def _reversed(axis: int) -> tuple[slice, ...]:
    return tuple(slice(None, None, -1 if a == axis else 1) for a in range(3))


def correct_bias_field(volume: Volume) -> Volume:
    """N4 bias field correction (Tustison 2010) inside the head, over its lowest grey level.

    That is 0 in a scanner's units; below it nothing is left. Estimated on a coarser grid; its
    logarithm has zero mean in the head, which keeps the mean grey.
    """
    import SimpleITK as sitk

    head = head_mask(volume.data)
    zero = lowest_grey(volume.data[head])
    if zero < 0:  # the head may have darker voxels than its mask
        zero = float(volume.data[volume.data > volume.data.min()].min())
    data = np.clip(volume.data - np.float32(zero), 0, None)
    image = sitk.GetImageFromArray(data.transpose(2, 1, 0))
    image.SetSpacing(volume.spacing)
    mask = sitk.GetImageFromArray(head.transpose(2, 1, 0).astype(np.uint8))
    mask.CopyInformation(image)
    shrink = [
        max(1, min(round(N4_GRID_MM / mm), n // N4_MIN_SHAPE))
        for mm, n in zip(volume.spacing, data.shape, strict=True)
    ]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(N4_ITERATIONS))
    n4.SetNumberOfThreads(1)  # the process pool of the pipeline has the cores already
    n4.Execute(sitk.Shrink(image, shrink), sitk.Shrink(mask, shrink))
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image)).transpose(2, 1, 0)
    field = field - field[head].mean()
    corrected = (data / np.exp(field)).astype(np.float32) + np.float32(zero)
    spread = float(field[head].std())
    facts = {**volume.facts, "n4_log_field_sd": round(spread, 4), "n4_shrink": shrink}
    return replace(volume, data=corrected, facts=facts)
