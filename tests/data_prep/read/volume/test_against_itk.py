"""A DICOM series means what ITK, which reads it with other code, takes it for."""

from pathlib import Path

import itk
import nibabel
import numpy as np
import pytest
from dicom_heads import LPS, write_stack
from places import DATA

from data_prep.read.volume.dicom_series import read_dicom_series
from data_prep.read.volume.volume import ReadOptions

REAL = DATA / "dicom" / "mr_studyforrest"
TURN = np.deg2rad(12.0)


def by_itk(folder: Path) -> nibabel.Nifti1Image:
    """The series of a folder by GDCM in ITK: float32 voxels, affine to RAS+ mm, axes as RAS."""
    names = itk.GDCMSeriesFileNames.New()
    names.SetDirectory(str(folder))
    (series,) = names.GetSeriesUIDs()
    reader = itk.ImageSeriesReader[itk.Image[itk.F, 3]].New()
    reader.SetImageIO(itk.GDCMImageIO.New())
    reader.SetFileNames(names.GetFileNames(series))
    reader.Update()
    image = reader.GetOutput()
    affine = np.eye(4)
    direction = itk.array_from_matrix(image.GetDirection())
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    voxels = itk.array_from_image(image).transpose(2, 1, 0)
    return nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, LPS @ affine))


def by_us(folder: Path) -> nibabel.Nifti1Image:
    found = read_dicom_series(folder, ReadOptions())
    return nibabel.as_closest_canonical(nibabel.Nifti1Image(found.data, found.affine))


def assert_same(folder: Path, mm: float) -> None:
    ours, theirs = by_us(folder), by_itk(folder)
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=mm)
    np.testing.assert_allclose(ours.get_fdata(), theirs.get_fdata(), rtol=1e-6)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("slopes", [None, [1.0, 0.5, 2.0, 0.25, 3.0]])
def test_voxels_and_their_places_are_those_of_itk(tmp_path, axes, slopes):
    data = np.random.default_rng(0).integers(0, 2000, (7, 6, 5), dtype=np.int16)
    turned = np.array(
        [[np.cos(TURN), -np.sin(TURN), 0], [np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = (turned @ np.diag([0.9, 1.1, 2.5]))[:, axes]
    affine[:3, 3] = [-20.0, 35.0, 11.0]
    assert_same(write_stack(tmp_path / "series", data, affine, slopes=slopes), mm=1e-4)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real series are not here")
def test_real_series_are_read_as_itk_reads_them():
    folders = sorted({path.parent for path in REAL.rglob("*") if path.is_file()})
    assert folders
    for folder in folders:
        assert_same(folder, mm=1e-3)
