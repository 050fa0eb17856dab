"""Float image -> 8- or 16-bit grey levels, by a named and recorded policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.errors import PrepError, UsageError

POLICIES = ("window", "percentile", "minmax")


@dataclass(frozen=True)
class Intensity:
    """How grey levels are made: the reader's window, percentiles low and high, or minmax.

    Of a DICOM film, percentile and minmax take the values behind the Modality LUT, before any
    window.
    """

    policy: str = "window"
    low: float = 0.5
    high: float = 99.5

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise UsageError(f"intensity is {self.policy!r}; expected one of {', '.join(POLICIES)}")
        if not 0 <= self.low < self.high <= 100:
            raise UsageError(
                f"percentiles are {self.low}, {self.high}; expected 0 <= low < high <= 100"
            )

    @classmethod
    def parse(cls, text: str) -> Intensity:
        """'window', 'minmax', 'percentile' or 'percentile:1,99'."""
        policy, _, numbers = text.partition(":")
        if not numbers:
            return cls(policy)
        try:
            low, high = (float(part) for part in numbers.split(","))
        except ValueError:
            raise UsageError(f"intensity is {text!r}; expected like percentile:0.5,99.5") from None
        return cls(policy, low, high)

    def record(self) -> dict[str, Any]:
        """What dataset.json says about the grey levels."""
        if self.policy == "percentile":
            return {"policy": self.policy, "low": self.low, "high": self.high}
        return {"policy": self.policy}

    def apply(
        self,
        image: np.ndarray,
        bits: int = 8,
        *,
        value_range: tuple[float, float] = (0.0, 1.0),
        foreground: np.ndarray | None = None,
    ) -> np.ndarray:
        """Float (H, W) -> uint8 or uint16 (H, W), rounded, clipped to the range of the policy.

        value_range: for 'window'; foreground: bool (H, W), pixels that count. PrepError: constant.
        """
        if bits not in (8, 16):
            raise UsageError(f"bits is {bits}; expected 8 or 16")
        known = image[foreground] if foreground is not None and foreground.any() else image
        if not np.isfinite(known).all():
            raise PrepError("the image holds values that are not numbers (NaN or infinite)")
        if known.min() == known.max():
            raise PrepError("constant image: every pixel has the same value")
        low, high = self._range(known, value_range)
        if not high > low:
            raise PrepError(
                "constant image within the chosen grey range", remedy="Try --intensity minmax."
            )
        top = 2**bits - 1
        scaled = np.clip((image.astype(np.float64) - low) / (high - low), 0, 1) * top
        return np.rint(scaled).astype(np.uint8 if bits == 8 else np.uint16)

    def _range(self, known: np.ndarray, given: tuple[float, float]) -> tuple[float, float]:
        if self.policy == "window":
            return given
        if self.policy == "minmax":
            return float(known.min()), float(known.max())
        low, high = np.percentile(known, [self.low, self.high])
        return float(low), float(high)
