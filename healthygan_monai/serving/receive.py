"""One file of a request, whatever it is, prepared as the images the model learned from."""

from __future__ import annotations

from pathlib import Path

from data_prep.brain import is_nifti
from data_prep.film import is_film, is_picture
from healthygan_monai.errors import PrepError
from healthygan_monai.serving.films import of_film, of_picture
from healthygan_monai.serving.preparation import BRAINS, Preparation
from healthygan_monai.serving.received import Received
from healthygan_monai.serving.volumes import of_volume

LARGEST_FILE = 1 << 31  # bytes


def receive(
    path: Path, prepared: Preparation, volume_index: int | None = None, resize_only: bool = False
) -> Received:
    """Read a DICOM film, a picture, a NIfTI slice or volume and prepare it as the model's data set was.

    What it is is told by its content. volume_index: which of a 4-D file. resize_only: a picture is a prepared one of
    another size. Raises PrepError for what cannot be used, in clear words without identifiers.
    """
    if path.is_dir():
        return of_volume(path, prepared, volume_index)
    if not path.is_file():
        raise PrepError("no such file", remedy="Send the file with the request.")
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
