"""Values that each seed's result.json holds, over seeds: mean, minimum and maximum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NONE = "–"
PLACES: dict[str, tuple[str, ...]] = {  # column -> keys of result.json, outermost first
    "auc_seeds": ("levels", "image", "auc", "value"),
    "critic_auc": ("critic", "image", "auc", "value"),
    "pixel_auroc": ("localisation", "pooled", "diseased", "pixel_auroc", "value"),
    "pixel_ap": ("localisation", "pooled", "diseased", "pixel_ap", "value"),
    "pointing": ("localisation", "pointing_hit"),
}
PARTS = ("mean", "min", "max")
RANGE_NUMBERS = tuple(f"{column}_{part}" for column in PLACES for part in PARTS)  # of the CSV


@dataclass(frozen=True)
class Range:
    """The values of the seeds that have one."""

    values: tuple[float, ...]
    seeds: int

    def text(self) -> str:
        """Return "mean (min to max)", and how many seeds have a value if not all."""
        text = f"{np.mean(self.values):.3f}"
        if self.seeds == 1:
            return f"{text} (one seed)"
        some = (
            "" if len(self.values) == self.seeds else f"; {len(self.values)} of {self.seeds} seeds"
        )
        return f"{text} ({min(self.values):.3f} to {max(self.values):.3f}{some})"

    def numbers(self) -> tuple[float, float, float]:
        """Return mean, minimum and maximum."""
        return float(np.mean(self.values)), min(self.values), max(self.values)


def range_cells(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the cells of ``PLACES`` and ``RANGE_NUMBERS`` of one row.

    A dash where no seed has such a value, such as pixel figures without masks. Empty where
    result.json is of an earlier version, which did not keep it.
    """
    cells = dict.fromkeys(RANGE_NUMBERS, "")
    for column, place in PLACES.items():
        values = tuple(v for r in results if (v := _value_at(r, place)) is not None)
        if not values:
            cells[column] = NONE if any(place[0] in result for result in results) else ""
            continue
        found = Range(values, len(results))
        cells[column] = found.text()
        numbers = zip(PARTS, found.numbers(), strict=True)
        cells |= {f"{column}_{part}": repr(number) for part, number in numbers}
    return cells


def _value_at(result: Mapping[str, Any], place: Sequence[str]) -> float | None:
    found: Any = result
    for key in place:
        found = found.get(key) if found else None
    return None if found is None else float(found)
