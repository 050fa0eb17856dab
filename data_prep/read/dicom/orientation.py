"""How a film lies by Patient Orientation (0020,0020), PS3.3 C.7.6.1.1.1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from data_prep.read.dicom.header import BLANKS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# One letter of each pair at most, the main direction first: AFR runs to the front, down a little.
LETTERS = re.compile(r"(?!.*[LR].*[LR])(?!.*[AP].*[AP])(?!.*[HF].*[HF])[LRAPHF]{1,3}")


def directions(dataset: Dataset) -> tuple[str, str] | None:
    """Return where rows and columns run to, one of L, R, A, P, H, F each; None where not said."""
    try:
        found = [str(value).strip(BLANKS).upper() for value in dataset.get("PatientOrientation")]
        rows, columns = (value[0] for value in found if LETTERS.fullmatch(value))
    except Exception:  # absent, broken, or not two values
        return None
    return rows, columns


def plane(dataset: Dataset) -> str | None:
    """Return 'frontal', 'lateral', or None: head and feet are one way, whichever it is."""
    found = directions(dataset)
    others = {letter for letter in found or () if letter not in "HF"}
    if found is None or len(others) != 1:
        return None
    return "frontal" if others <= set("LR") else "lateral"


def to_upright(dataset: Dataset) -> tuple[bool, bool, bool]:
    """Return how to turn the film so that the head is above, and of a frontal film the left on the
    right: rows and columns exchanged, then rows from below, then columns from the right.

    Side views may face either way, so they are turned but never mirrored.
    """
    found, kind = directions(dataset), plane(dataset)
    if found is None or kind is None:
        return False, False, False
    exchanged = found[0] in "HF"
    rows, columns = found[::-1] if exchanged else found
    below = columns == "H"
    right = rows == "R" if kind == "frontal" else exchanged != below
    return exchanged, below, right
