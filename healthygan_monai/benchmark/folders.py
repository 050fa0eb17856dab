"""The cells of a grid and their folders: which are done, missing, or of other settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.datalist import Dataset
from data_prep.files import read_json
from healthygan_monai.benchmark.grid import Grid, GridError
from healthygan_monai.paths import CONFIG_FILE

CELLS, SPECIFICATION, RESULT = "cells", "cell.json", "result.json"


@dataclass(frozen=True)
class Cell:
    """One data set, method and seed, and the folder of its run.

    ``name`` is that of the table's row: the method's, or the variant's.
    """

    dataset: str
    name: str
    method: str
    seed: int
    folder: Path
    specification: Mapping[str, Any]

    @property
    def result(self) -> Path:
        return self.folder / RESULT

    @property
    def is_variant(self) -> bool:
        return self.name != self.method


def cells_of(grid: Grid, datasets: Mapping[str, Dataset], out: Path) -> list[Cell]:
    """Return every cell in the order of running: seed by seed, so each method has one first."""
    return [
        Cell(
            dataset_name,
            name,
            grid.method_of(name),
            seed,
            out / CELLS / dataset_name / name / str(seed),
            {
                "dataset": str(Path(dataset.root or "").resolve()),
                "data_hash": dataset.content_hash,
                "method": grid.method_of(name),
                **({"variant": name} if name in grid.variants else {}),
                "seed": seed,
                "settings": dict(grid.settings.get(name, {})),
                "weights": grid.weights.get(name),
                "bootstrap": grid.bootstrap,
            },
        )
        for seed in grid.seeds
        for dataset_name, dataset in datasets.items()
        for name in grid.methods
    ]


def missing(cells: Sequence[Cell]) -> list[Cell]:
    """Return cells without a result; raise GridError if begun cells are not of this grid."""
    stale = [cell for cell in cells if _is_stale(cell)]
    if stale:
        names = ", ".join(f"{c.dataset}/{c.name}/{c.seed}" for c in stale[:5])
        more = f" (and {len(stale) - 5} more)" if len(stale) > 5 else ""
        raise GridError(
            f"{names}{more}: made with other settings or data than this grid's. Delete these cells "
            "to make them again, or give another --out."
        )
    return [cell for cell in cells if not cell.result.is_file()]


def _is_stale(cell: Cell) -> bool:
    path = cell.folder / SPECIFICATION
    begun = (cell.folder / CONFIG_FILE).is_file() or cell.result.is_file()
    if not (begun and path.is_file()):
        return False  # it failed before its training, so nothing can be mixed
    earlier, now = read_json(path), json.loads(json.dumps(cell.specification, default=str))
    now.pop("dataset")  # it may be moved; its hash says whether it is the same
    return any(earlier.get(key) != now[key] for key in now)
