"""Read a benchmark's grid: data sets x methods x seeds, and variants of methods."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.datalist import FILE_NAME
from healthygan_monai.baselines import names
from healthygan_monai.errors import ConfigError
from healthygan_monai.evaluation.defaults import RESAMPLES
from healthygan_monai.records import schema
from healthygan_monai.scoring import HEALTHYGAN

METHODS = (HEALTHYGAN, *names.METHODS)
_OBJECT = schema.holding({})
KINDS = {  # of the values of a grid file
    "datasets": schema.list_of(schema.text),
    "methods": schema.list_of(schema.text),
    "seeds": schema.list_of(schema.whole),
    "settings": schema.objects_of(_OBJECT),
    "weights": schema.objects_of(schema.text),
    "bootstrap": schema.whole,
    "variants": schema.objects_of(
        schema.either(schema.text, schema.record({"method": schema.text}, ["method"]))
    ),
}


class GridError(ConfigError):
    """An invalid grid; the message names every problem."""


@dataclass(frozen=True)
class Grid:
    """Keys of a grid file.

    Args:
        datasets: folders with dataset.json; in a file, relative to it.
        methods: ``healthygan``, names of ``baselines/names.py``, and names of ``variants``.
        seeds: of the fits.
        settings: method or variant -> what ``healthygan train --method`` takes with ``--set``.
        weights: method or variant -> file of its backbone's weights, or ``random``.
        bootstrap: resamples of every interval.
        variants: name -> method. A variant takes no settings and no weights of its method.
    """

    datasets: tuple[str, ...]
    methods: tuple[str, ...] = METHODS
    seeds: tuple[int, ...] = (0, 1, 2)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    bootstrap: int = RESAMPLES
    variants: Mapping[str, str] = field(default_factory=dict)

    def method_of(self, name: str) -> str:
        """Return the method that a name of ``methods`` stands for."""
        return self.variants.get(name, name)


def read_grid(path: Path) -> Grid:
    """Read a grid from its JSON file; without ``methods`` it has all of them and its variants.

    Raises:
        GridError: not JSON; unknown, missing or repeated keys; values of a wrong kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=schema.once)
    except (ValueError, RecursionError) as error:
        raise GridError(f"{path.name}: not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise GridError(f"{path.name}: expected an object with the keys of a grid")
    problems = list(schema.problems(content, KINDS))
    if not content.get("datasets"):
        problems.append("datasets is missing: a list of prepared data sets")
    if problems:
        raise GridError(f"{path.name}: " + "; ".join(problems))
    root, variants = path.parent, content.get("variants", {})
    given: dict[str, Any] = dict(content)
    given["variants"] = {n: v if isinstance(v, str) else v["method"] for n, v in variants.items()}
    given.setdefault("methods", (*METHODS, *variants))
    given |= {key: tuple(given[key]) for key in ("methods", "seeds") if key in given}
    given["datasets"] = tuple(str(root / name) for name in content["datasets"])
    files = content.get("weights", {})
    given["weights"] = {m: f if f == "random" else str(root / f) for m, f in files.items()}
    return Grid(**given)


def is_grid(path: Path) -> bool:
    """Return whether a file is a grid and not a data set's dataset.json."""
    return path.is_file() and path.name != FILE_NAME and path.suffix == ".json"
