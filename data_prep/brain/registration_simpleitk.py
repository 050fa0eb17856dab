"""The affine between two brains by SimpleITK: rigid, then affine, at 8, 4 and 2 mm.

Mattes' mutual information (D. Mattes et al., SPIE 4322, 2001), 32 bins, from both centres and
several tilts. One thread and a fixed seed: the same brain gives the same matrix.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.read.volume.volume import Volume, VolumeError

BINS = 32
NEAR_MM = 10.0  # of air around the template's brain that counts
SAMPLING = 0.2  # of the voxels: every fifth, jittered
SEED = 20240229  # of the jitter
TILTS_DEG = (0.0, -25.0, 25.0)  # nodding: the one angle a head in a coil varies by
SHRINK, SMOOTH_MM = (4, 2, 1), (6.0, 3.0, 0.0)
ITERATIONS = 120


def find_affine(fixed: Volume, inside: np.ndarray, moving: Volume) -> np.ndarray:
    """(4, 4) fixed mm -> moving mm, both RAS+. Raises VolumeError where they do not overlap."""
    import SimpleITK as sitk

    target, source = to_itk(fixed), to_itk(moving)
    near = _near(inside, fixed)
    with _one_thread():
        starts = [_start(target, source, tilt) for tilt in TILTS_DEG]
        coarse = [_run(target, source, near, start, levels=1) for start in starts]
        best = min(coarse, key=lambda pair: pair[1])[0]
        rigid, _ = _run(target, source, near, best, levels=2)
        affine = sitk.AffineTransform(3)
        affine.SetCenter(rigid.GetCenter())
        affine.SetMatrix(rigid.GetMatrix())
        affine.SetTranslation(rigid.GetTranslation())
        found, _ = _run(target, source, near, affine, levels=3)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(found.GetMatrix()).reshape(3, 3)
    centre = np.array(found.GetCenter())
    matrix[:3, 3] = np.array(found.GetTranslation()) + centre - matrix[:3, :3] @ centre
    return matrix


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums over threads depend on their order; the number set on the method reaches not all."""
    import SimpleITK as sitk

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def to_itk(volume: Volume) -> Any:
    """A SimpleITK image whose physical space is RAS+ mm, as its affine says."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(volume.data.transpose(2, 1, 0))
    size = np.linalg.norm(volume.affine[:3, :3], axis=0)
    turn, _, other = np.linalg.svd(volume.affine[:3, :3] / size)  # nearest rotation: no rounding
    image.SetSpacing(size.tolist())
    image.SetDirection((turn @ other).ravel().tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    return image


def _near(inside: np.ndarray, fixed: Volume) -> Any:
    """ITK mask of the template's brain and 10 mm around it."""
    import SimpleITK as sitk

    mask = to_itk(replace(fixed, data=inside.astype(np.float32)))
    return sitk.Cast(
        sitk.BinaryDilate(
            sitk.Cast(mask > 0.5, sitk.sitkUInt8), [round(NEAR_MM / mm) for mm in fixed.spacing]
        ),
        sitk.sitkUInt8,
    )


def _start(target: Any, source: Any, tilt_deg: float) -> Any:
    """Centres of mass on each other, the head nodding by `tilt_deg`."""
    import SimpleITK as sitk

    start = sitk.CenteredTransformInitializer(
        target, source, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    rigid = sitk.Euler3DTransform(start)
    # Moments alone also guess at axes; only their centres are kept.
    rigid.SetRotation(float(np.radians(tilt_deg)), 0.0, 0.0)
    return rigid


def _run(target: Any, source: Any, near: Any, start: Any, levels: int) -> tuple[Any, float]:
    """(transform, metric) after the first `levels` of the pyramid; the metric is -MI."""
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(near)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLING if levels > 1 else 1.0, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-3, numberOfIterations=ITERATIONS, relaxationFactor=0.5
    )
    method.SetOptimizerScalesFromPhysicalShift()
    first = 0 if levels < 3 else 1  # the affine begins where the rigid has ended
    method.SetShrinkFactorsPerLevel(list(SHRINK[first:levels]))
    method.SetSmoothingSigmasPerLevel(list(SMOOTH_MM[first:levels]))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    try:
        found = method.Execute(target, source)
    except RuntimeError:  # "all samples map outside": its text says nothing a user could use
        raise VolumeError(
            "the brain does not fit the template: registration failed",
            detail="the two do not overlap",
            remedy="Look at the scan and its brain mask.",
        ) from None
    kind = sitk.Euler3DTransform if levels < 3 else sitk.AffineTransform
    if found.GetName().startswith("Composite"):
        found = sitk.CompositeTransform(found).GetBackTransform()
    return kind(found), float(method.GetMetricValue())
