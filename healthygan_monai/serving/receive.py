"""Prepare any one file of a request as the images of training were."""

from pathlib import Path

from data_prep.brain import is_nifti
from data_prep.film import is_film, is_picture, kind_of
from healthygan_monai.errors import PrepError
from healthygan_monai.serving.films import of_film, of_picture
from healthygan_monai.serving.preparation import BRAINS, FILMS, Preparation
from healthygan_monai.serving.received import Received
from healthygan_monai.serving.volumes import of_volume

LARGEST_FILE = 1 << 31  # bytes
DICOMDIR = "DICOMDIR"  # the index of a disc, which is no image


def receive(
    path: Path, prepared: Preparation, volume_index: int | None = None, resize_only: bool = False
) -> Received:
    """Read a DICOM film, a picture, a NIfTI slice or volume; its content decides which it is.

    A folder with one image is that image; with several it is a volume.

    Args:
        path: the file or folder. It comes from outside: call this in a guarded child.
        prepared: the preparation of the model's data set.
        volume_index: which volume of a 4-D file.
        resize_only: whether a picture of another size is a prepared one.

    Raises:
        PrepError: the file cannot be used; the message has no identifiers.
    """
    if path.is_dir():
        images = _images(path)
        if len(images) == 1:
            return receive(images[0], prepared, volume_index, resize_only)
        if images and prepared.kind == FILMS:
            raise PrepError(
                "a folder of several images, but the model was trained on films",
                detail=f"{len(images)} images",
                remedy="Send one film.",
            )
        return of_volume(path, prepared, volume_index)
    if not path.is_file():
        raise PrepError("no regular file", remedy="Send the file with the request.")
    size = path.stat().st_size
    if not size:
        raise PrepError("empty file", remedy="Export it again.")
    if size > LARGEST_FILE:
        raise PrepError("too large to be a film or a head", remedy="Send one film or one volume.")
    if is_nifti(path):
        return of_volume(path, prepared, volume_index)
    data = path.read_bytes()
    if is_picture(data):
        return of_picture(data, prepared, resize_only)
    if prepared.kind == BRAINS and not is_film(data):
        return of_volume(path, prepared, volume_index)
    return of_film(data, prepared, "DICOM film")


def _images(folder: Path) -> list[Path]:
    """Return the images of a folder, not of its sub-folders."""
    names = (p for p in sorted(folder.iterdir()) if p.name[0] != "." and p.name.upper() != DICOMDIR)
    return [path for path in names if kind_of(path) in ("dicom", "nifti", "picture")]
