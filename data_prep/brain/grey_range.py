"""One black and one white for all slices of a head, from its brain or the core of the head.

    minmax              lowest and highest value
    percentile:LOW,HIGH percentiles (default 0.5, 99)
    zscore:LOW,HIGH     mean - LOW sd and mean + HIGH sd (default 3, 3)
    white:SHARE         0 and white matter / SHARE (default 0.8): MRI has a zero, but no unit;
                        of values around 0, such as z-scores, the lowest takes the place of 0

White matter is the brightest peak of the histogram of a T1-weighted brain, the one that WhiteStripe
aligns (R. T. Shinohara et al., NeuroImage: Clinical 6:9, 2014).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.errors import UsageError
from data_prep.frame.intensity import Intensity
from data_prep.read.volume.volume import VolumeError

DEFAULT = "percentile:0.5,99"  # of the core, see brain.head_core
DEFAULTS = {"zscore": (3.0, 3.0), "white": (0.8,)}
NEED_BRAIN = ("white",)  # scalp fat has a peak too
SHIFTED = 1.0  # per cent of the tissue below 0; interpolation leaves less
BINS = 256
BANDWIDTH = 0.02  # of the range of the histogram: a tenth of the distance from grey to white
LEAST_PEAK = 0.2  # of the highest one; less is noise or a vessel


@dataclass(frozen=True)
class Normalise:
    """policy and its numbers; see the table above."""

    policy: str
    numbers: tuple[float, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Normalise:
        """From text such as "percentile:1,99", "zscore" or "white:0.75"; UsageError otherwise."""
        policy, _, numbers = text.partition(":")
        if policy not in DEFAULTS:
            known = Intensity.parse(text or DEFAULT)  # refuses what it does not know
            if known.policy == "window":
                raise UsageError(
                    "--intensity window: a volume has none; expected percentile, minmax, zscore or "
                    "white"
                )
            return cls(known.policy, (known.low, known.high) if known.policy != "minmax" else ())
        expected = DEFAULTS[policy]
        if not re.fullmatch(r"[0-9.,]*", numbers):
            raise UsageError(f"intensity is {text!r}; expected like {policy}:{_text(expected)}")
        try:
            given = tuple(float(part) for part in numbers.split(",")) if numbers else expected
        except ValueError:
            given = ()
        if len(given) != len(expected) or min(given) <= 0 or (policy == "white" and given[0] > 1):
            raise UsageError(f"intensity is {text!r}; expected like {policy}:{_text(expected)}")
        return cls(policy, given)

    def record(self) -> dict[str, Any]:
        """What dataset.json says about the grey levels."""
        if self.policy == "percentile":
            return {"policy": self.policy, "low": self.numbers[0], "high": self.numbers[1]}
        if self.policy == "zscore":
            return {"policy": self.policy, "below": self.numbers[0], "above": self.numbers[1]}
        if self.policy == "white":
            return {"policy": self.policy, "white_matter_at": self.numbers[0]}
        return {"policy": self.policy}

    def range_of(self, values: np.ndarray) -> tuple[float, float]:
        """(black, white) from the voxels (N,) of the brain, or of the core of the head."""
        if self.policy == "minmax":
            black, white = float(values.min()), float(values.max())
        elif self.policy == "percentile":
            black, white = (float(v) for v in np.percentile(values, self.numbers))
        elif self.policy == "zscore":
            mean, sd = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
            black, white = mean - self.numbers[0] * sd, mean + self.numbers[1] * sd
        else:
            black = lowest_grey(values)
            white = black + (white_peak(values) - black) / self.numbers[0]
        if not white > black:
            raise VolumeError(
                "constant scan within the chosen grey range", remedy="Try --intensity minmax."
            )
        return black, white


def lowest_grey(values: np.ndarray) -> float:
    """0, or the lowest value (N,) where more than SHIFTED per cent lie below 0 (z-scores, HU)."""
    return 0.0 if np.percentile(values, SHIFTED) >= 0 else float(values.min())


def white_peak(values: np.ndarray) -> float:
    """Grey level of white matter: the brightest peak of the smoothed histogram of a brain (N,)."""
    from scipy.ndimage import gaussian_filter1d

    low, high = (float(v) for v in np.percentile(values, (0.1, 99.9)))
    if not high > low:
        raise VolumeError(
            "constant scan within the chosen grey range", remedy="Try --intensity minmax."
        )
    counts, edges = np.histogram(values, bins=BINS, range=(low, high))
    smooth = gaussian_filter1d(counts.astype(float), BANDWIDTH * BINS, mode="constant")
    peaks = np.flatnonzero((smooth[1:-1] >= smooth[:-2]) & (smooth[1:-1] > smooth[2:])) + 1
    peaks = peaks[smooth[peaks] >= LEAST_PEAK * smooth.max()]
    last = int(peaks[-1]) if len(peaks) else int(smooth.argmax())
    return float((edges[last] + edges[last + 1]) / 2)


def _text(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:g}" for number in numbers)
