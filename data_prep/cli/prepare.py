"""The commands films and brains: flags in, the pipeline run, its summary out."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from data_prep.cli.arguments import add_common, given_work, pairs
from data_prep.cli.brains import add_brain_arguments, brain_recipe
from data_prep.cli.exit_codes import command
from data_prep.cli.films import add_film_arguments, cleared_films, film_recipe

if TYPE_CHECKING:
    from data_prep.brain import BrainRecipe
    from data_prep.film import FilmRecipe

Parsers = Any  # argparse gives what add_subparsers returns no public name


def add_films(commands: Parsers) -> None:
    films = command(commands, "films", "prepare radiographs: DICOM, PNG or JPEG", _films)
    add_common(films)
    add_film_arguments(films)


def add_brains(commands: Parsers) -> None:
    brains = command(commands, "brains", "prepare brain volumes: NIfTI or DICOM series", _brains)
    add_common(brains)
    add_brain_arguments(brains)


def _films(arguments: argparse.Namespace) -> int:
    explain_table(arguments)
    return prepare(arguments, film_recipe(arguments))


def _brains(arguments: argparse.Namespace) -> int:
    explain_table(arguments)
    return prepare(arguments, brain_recipe(arguments))


def explain_table(arguments: argparse.Namespace) -> None:
    """Print what each column of the user's table was taken for, in a dry run."""
    if arguments.dry_run and arguments.table is not None:
        from data_prep.inputs.table_columns import explained

        columns = pairs(arguments.columns, "--columns")
        print("\n".join(explained(arguments.table, columns, rows_to_use(arguments))))


def rows_to_use(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the filters of --where: column -> value."""
    where: dict[str, str] = {}
    for text in arguments.where:
        where |= pairs(text, "--where")
    return where


def prepare(
    arguments: argparse.Namespace,
    recipe: FilmRecipe | BrainRecipe,
    source: dict[str, Any] | None = None,
) -> int:
    """Run the pipeline, print, return the exit code; source: facts of a public data set."""
    from data_prep.inputs.choices import Cohort
    from data_prep.pipeline import run
    from data_prep.settings import About, Settings

    def given(*names: str) -> dict[str, Any]:
        return {name: getattr(arguments, name) for name in names}

    most = arguments.max_skipped
    cohort = Cohort(
        columns=pairs(arguments.columns, "--columns"),
        where=rows_to_use(arguments),
        key_file=arguments.key,
        cleared=cleared_films(arguments),
        **given("table", "pseudonyms", "validation", "test", "seed"),
    )
    settings = Settings(
        recipe=recipe,
        cohort=cohort,
        work=given_work(arguments),
        about=About(**given("name", "description", "licence", "protocol"), source=source or {}),
        max_skipped=0.0 if most is None and arguments.strict else most,
        **given("input", "output", "existing", "dry_run", "strict"),
    )
    result = run(settings)
    print(result.summary)
    if result.dataset is not None:
        print(f"next: healthygan check {result.dataset.path}")
    return result.exit_code
