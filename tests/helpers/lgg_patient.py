"""A patient of the LGG cohort, drawn."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_patient(folder: Path, patient: str, slices: int = 8, lesion: range = range(4, 6)) -> None:
    """Slices 1..n of a bright disc in three channels; a lesion on some; slice n shows no head."""
    place = folder / f"{patient}_19960909"
    place.mkdir(parents=True)
    y, x = np.mgrid[:64, :64]
    head = np.hypot(y - 32, x - 32) < 24
    for k in range(1, slices + 1):
        pixels = np.zeros((64, 64, 3), np.uint8)
        if k < slices:
            pixels[head] = (60, 100 + k, 200)
            pixels[0, int(patient[-2:]) % 64] = 50  # no two patients have the same picture
        mask = np.zeros((64, 64), np.uint8)
        if k in lesion:
            mask[20:30, 20:30] = 255
        stem = f"{patient}_19960909_{k}"
        Image.fromarray(pixels).save(place / f"{stem}.tif")
        Image.fromarray(mask).save(place / f"{stem}_mask.tif")
