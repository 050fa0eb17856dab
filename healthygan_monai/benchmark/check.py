"""Check a benchmark's grid before anything runs: names, settings, seeds and data sets."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_prep.datalist import Dataset, read
from data_prep.errors import nearest
from healthygan_monai.benchmark.grid import METHODS, Grid, GridError

NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]*")  # of a variant


def check_grid(grid: Grid) -> dict[str, Dataset]:
    """Return the data sets by name.

    Raises:
        GridError: all problems of methods, variants, settings and seeds, or two data sets of
            one name.
        DataError, LeakError: a data set that cannot be used.
    """
    known = (*METHODS, *grid.variants)
    problems = [
        f"method {name!r} is not known{nearest(name, known)}"
        for name in {*grid.methods, *grid.settings, *grid.weights}
        if name not in known
    ]
    problems += _wrong_variants(grid.variants)
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
        for folder in grid.datasets:
            read(folder)  # what is no data set is said before PyTorch is loaded
        problems += _wrong_settings(grid)
    if problems:
        raise GridError("; ".join(problems))
    from healthygan_monai.data import load_dataset

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


def _wrong_variants(variants: Mapping[str, str]) -> Iterator[str]:
    taken = {name.lower(): name for name in METHODS}  # some file systems know no case
    for name, method in variants.items():
        if not NAME.fullmatch(name):
            yield (
                f"variant {name!r}: a folder is named after it; expected letters, digits, - and _, "
                "the first a letter or a digit"
            )
        if name.lower() in taken:
            yield f"variant {name!r}: the name {taken[name.lower()]!r} is taken; give it another"
        taken[name.lower()] = name
        if method not in METHODS:
            yield f"variant {name!r}: method {method!r} is not known{nearest(method, METHODS)}"


def _wrong_settings(grid: Grid) -> Iterator[str]:
    from monai.bundle import ConfigParser

    from healthygan_monai.config.keys import refuse_unknown_keys
    from healthygan_monai.config.literal import CODE, as_literal
    from healthygan_monai.config.workflow import chosen_config
    from healthygan_monai.paths import bundle_root

    configs = bundle_root() / "configs"
    for name in grid.methods:
        settings = dict(grid.settings.get(name, {}))
        if "seed" in settings:
            yield f"{name}: seed is in settings; give seeds to the grid"
        for key, value in settings.items():
            if isinstance(value, str) and value.startswith(CODE):
                yield f"{name}: {key} is {value!r}; a grid holds values, and evaluates nothing"
        try:
            file = Path(grid.weights[name]) if name in grid.weights else None
            literal = {key: as_literal(value) for key, value in settings.items()}
            config, overrides = chosen_config(grid.method_of(name), literal, file)
            parser = ConfigParser()
            parser.read_config(str(configs / config))
            parser.update(pairs=overrides)
            refuse_unknown_keys(parser.get(), configs)
        except ValueError as error:
            yield f"{name}: {error}"
        weights = grid.weights.get(name, "random")
        if weights != "random" and not Path(weights).is_file():
            yield f"{name}: weights {weights}: no such file"
