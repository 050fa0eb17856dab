"""The affine by elastix (S. Klein et al., IEEE TMI 29:196, 2010), its defaults: slow, close."""

from typing import Any

import numpy as np

from data_prep.errors import NotInstalled
from data_prep.read.volume.volume import Volume, VolumeError

INSTALL = "pip install itk-elastix, or pass --registration simpleitk."


def require() -> None:
    """NotInstalled where itk-elastix is not installed."""
    import importlib.metadata

    try:
        importlib.metadata.version("itk-elastix")
    except importlib.metadata.PackageNotFoundError:
        raise NotInstalled(
            f"--registration elastix: itk-elastix is not installed. {INSTALL}"
        ) from None


def find_affine(fixed: Volume, inside: np.ndarray, moving: Volume) -> np.ndarray:
    """(4, 4) fixed mm -> moving mm, both RAS+; the brains' centres of gravity are the start."""
    import itk

    del inside  # elastix samples the whole grid: the air around the brain shows it its edge
    maps = itk.ParameterObject.New()
    for kind in ("rigid", "affine"):
        settings = maps.GetDefaultParameterMap(kind)
        settings["AutomaticTransformInitialization"] = ["true"]
        settings["AutomaticTransformInitializationMethod"] = ["CenterOfGravity"]
        settings["RandomSeed"] = ["20240229"]
        settings["WriteResultImage"] = ["false"]
        maps.AddParameterMap(settings)
    try:
        method = itk.ElastixRegistrationMethod.New(_image(fixed), _image(moving))
        method.SetParameterObject(maps)
        method.SetLogToConsole(False)
        method.SetLogToFile(False)
        method.SetNumberOfThreads(1)
        method.UpdateLargestPossibleRegion()
        found = method.GetTransformParameterObject()
    except RuntimeError:  # its text holds paths
        raise VolumeError(
            "the brain does not fit the template: registration failed",
            detail="elastix gave up",
            remedy="Look at the scan and its brain mask.",
        ) from None
    rigid, affine = (found.GetParameterMap(i) for i in (0, 1))
    # elastix composes: a point goes through the initial transform first
    return _matrix(affine) @ _matrix(rigid)


def _image(volume: Volume) -> Any:
    """An ITK image whose physical space is RAS+ mm."""
    import itk

    image = itk.image_from_array(np.ascontiguousarray(volume.data.transpose(2, 1, 0)))
    size = np.linalg.norm(volume.affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(volume.affine[:3, :3] / size)
    image.SetSpacing(size.tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(left @ right))
    return image


def _matrix(settings: Any) -> np.ndarray:
    """(4, 4) of an EulerTransform or AffineTransform parameter map."""
    values = [float(v) for v in settings["TransformParameters"]]
    centre = np.array([float(v) for v in settings["CenterOfRotationPoint"]])
    matrix = np.eye(4)
    if len(values) == 12:
        matrix[:3, :3], shift = np.array(values[:9]).reshape(3, 3), np.array(values[9:])
    else:
        matrix[:3, :3], shift = _euler(*values[:3]), np.array(values[3:])
    matrix[:3, 3] = shift + centre - matrix[:3, :3] @ centre
    return matrix


def _euler(x: float, y: float, z: float) -> np.ndarray:
    """ITK's Euler3DTransform with its default order: R = Rz Rx Ry."""
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rz @ rx @ ry
