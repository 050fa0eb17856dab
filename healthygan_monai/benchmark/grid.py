"""Read and check a benchmark's grid: data sets x methods x seeds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from data_prep.datalist import FILE_NAME, Dataset
from data_prep.errors import nearest
from data_prep.files import read_json
from healthygan_monai.baselines import names
from healthygan_monai.benchmark.table1 import HEALTHYGAN
from healthygan_monai.data import load_dataset
from healthygan_monai.errors import ConfigError
from healthygan_monai.paths import CONFIG_FILE

METHODS = (HEALTHYGAN, *names.METHODS)
CELLS, SPECIFICATION, RESULT = "cells", "cell.json", "result.json"


class GridError(ConfigError):
    """An invalid grid; the message names every problem."""


@dataclass(frozen=True)
class Grid:
    """Keys of a grid file.

    Args:
        datasets: folders with dataset.json; in a file, relative to it.
        methods: ``healthygan`` and names of ``baselines/names.py``.
        seeds: of the fits.
        settings: method -> what ``healthygan train --method`` takes with ``--set``.
        weights: method -> file of its backbone's weights, or ``random``.
        bootstrap: resamples of every interval.
    """

    datasets: tuple[str, ...]
    methods: tuple[str, ...] = METHODS
    seeds: tuple[int, ...] = (0, 1, 2)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    bootstrap: int = 2000


@dataclass(frozen=True)
class Cell:
    """One data set, method and seed, and the folder of its run."""

    dataset: str
    method: str
    seed: int
    folder: Path
    specification: Mapping[str, Any]

    @property
    def result(self) -> Path:
        return self.folder / RESULT


def read_grid(path: Path) -> Grid:
    """Read a grid from its JSON file; raise GridError for unknown or missing keys."""
    content = read_json(path)
    known = [f.name for f in fields(Grid)]
    problems = [f"unknown key {key!r}{nearest(key, known)}" for key in content if key not in known]
    if not content.get("datasets"):
        problems.append("datasets is missing: a list of prepared data sets")
    if problems:
        raise GridError(f"{path.name}: " + "; ".join(problems))
    root = path.parent
    given: dict[str, Any] = {key: content[key] for key in known if key in content}
    given |= {key: tuple(given[key]) for key in ("methods", "seeds") if key in given}
    given["datasets"] = tuple(str(root / name) for name in content["datasets"])
    files = content.get("weights", {})
    given["weights"] = {m: f if f == "random" else str(root / f) for m, f in files.items()}
    return Grid(**given)


def is_grid(path: Path) -> bool:
    """Return whether a file is a grid and not a data set's dataset.json."""
    return path.is_file() and path.name != FILE_NAME and path.suffix == ".json"


def check_grid(grid: Grid) -> dict[str, Dataset]:
    """Return the data sets by name.

    Raises:
        GridError: all problems of methods, settings and seeds, or two data sets of one name.
        DataError, LeakError: a data set that cannot be used.
    """
    problems = [
        f"method {name!r} is not known{nearest(name, METHODS)}"
        for name in {*grid.methods, *grid.settings, *grid.weights}
        if name not in METHODS
    ]
    if not grid.methods or not grid.seeds:
        problems.append("methods and seeds must each name at least one")
    for key in ("methods", "seeds"):
        values = getattr(grid, key)
        if len(set(values)) < len(values):
            problems.append(f"{key} names one twice: {list(values)}")
    problems += [
        f"seed is {seed!r}; expected a whole number, 0 or more"
        for seed in grid.seeds
        if not isinstance(seed, int) or seed < 0
    ]
    if not problems:
        problems += _wrong_settings(grid)
    if problems:
        raise GridError("; ".join(problems))
    found: dict[str, Dataset] = {}
    for folder in grid.datasets:
        dataset = load_dataset(Path(folder))
        if dataset.name in found:
            raise GridError(
                f"two data sets are called {dataset.name}. Prepare one of them again under another "
                "name."
            )
        found[dataset.name] = dataset
    return found


def _wrong_settings(grid: Grid) -> Iterator[str]:
    from monai.bundle import ConfigParser

    from healthygan_monai.config.keys import refuse_unknown_keys
    from healthygan_monai.config.workflow import chosen_config
    from healthygan_monai.paths import bundle_root

    configs = bundle_root() / "configs"
    for method in grid.methods:
        settings = dict(grid.settings.get(method, {}))
        if "seed" in settings:
            yield f"{method}: seed is in settings; give seeds to the grid"
        try:
            file = Path(grid.weights[method]) if method in grid.weights else None
            config, overrides = chosen_config(method, settings, file)
            parser = ConfigParser()
            parser.read_config(str(configs / config))
            parser.update(pairs=overrides)
            refuse_unknown_keys(parser.get(), configs)
        except ValueError as error:
            yield f"{method}: {error}"
        weights = grid.weights.get(method, "random")
        if weights != "random" and not Path(weights).is_file():
            yield f"{method}: weights {weights}: no such file"


def cells_of(grid: Grid, datasets: Mapping[str, Dataset], out: Path) -> list[Cell]:
    """Return every cell in the order of running: seed by seed, so each method has one first."""
    return [
        Cell(
            name,
            method,
            seed,
            out / CELLS / name / method / str(seed),
            {
                "dataset": str(Path(dataset.root or "").resolve()),
                "data_hash": dataset.content_hash,
                "method": method,
                "seed": seed,
                "settings": dict(grid.settings.get(method, {})),
                "weights": grid.weights.get(method),
                "bootstrap": grid.bootstrap,
            },
        )
        for seed in grid.seeds
        for name, dataset in datasets.items()
        for method in grid.methods
    ]


def missing(cells: Sequence[Cell]) -> list[Cell]:
    """Return cells without a result; raise GridError if begun cells are not of this grid."""
    stale = [cell for cell in cells if _is_stale(cell)]
    if stale:
        names = ", ".join(f"{c.dataset}/{c.method}/{c.seed}" for c in stale[:5])
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
