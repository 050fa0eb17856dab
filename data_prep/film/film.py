"""One film: pixels, spacing, padding and facts of its header."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_prep.frame.turn import AS_IT_IS, Turn


@dataclass
class Film:
    """image: float32 (H, W) in [0, 1]; spacing: mm between rows, between columns, (1, 1) unknown.

    facts: JSON that may leave; padding: bool (H, W), no image there, or None; digest: of the stored
    pixels, the same in every transfer syntax; frame: which of several, from 0, else None; flags:
    what the header admits of text and faces in the pixels (burned_in.annotation_flags); turn: what
    is still to be done to the image before it is framed.
    """

    image: np.ndarray
    spacing: tuple[float, float]
    facts: dict[str, Any] = field(default_factory=dict)
    padding: np.ndarray | None = None
    digest: str = ""
    frame: int | None = None
    flags: tuple[str, ...] = ()
    turn: Turn = AS_IT_IS
