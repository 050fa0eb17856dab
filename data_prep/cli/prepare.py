"""The commands films and brains: flags in, the pipeline run, its summary out."""

from __future__ import annotations

import argparse
import os
from typing import Any

from data_prep.cli.arguments import add_common, pairs
from data_prep.cli.brains import add_brain_arguments, brain_choices
from data_prep.cli.exit_codes import command
from data_prep.cli.films import add_film_arguments, film_choices

MOST_JOBS = 8
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
    return prepare(arguments, "films", **film_choices(arguments))


def _brains(arguments: argparse.Namespace) -> int:
    return prepare(arguments, "brains", **brain_choices(arguments))


def prepare(arguments: argparse.Namespace, kind: str, **choices: Any) -> int:
    """Run the pipeline with the common flags and these choices; prints, returns the exit code."""
    from data_prep.pipeline import run
    from data_prep.settings import Settings

    same = ["input", "output", "size", "bits", "table", "pseudonyms", "validation", "test", "seed"]
    same += ["existing", "dry_run", "strict", "seconds", "memory", "scheduler"]
    same += ["name", "description", "licence", "protocol"]
    most = arguments.max_skipped
    where: dict[str, str] = {}
    for text in arguments.where:
        where |= pairs(text, "--where")
    result = run(
        Settings(
            kind=kind,
            columns=pairs(arguments.columns, "--columns"),
            where=where,
            key_file=arguments.key,
            jobs=min(MOST_JOBS, os.cpu_count() or 1) if arguments.jobs is None else arguments.jobs,
            max_skipped=0.0 if most is None and arguments.strict else most,
            **{name: getattr(arguments, name) for name in same},
            **choices,
        )
    )
    print(result.summary)
    if result.dataset is not None:
        print(f"next: healthygan check {result.dataset.path}")
    return result.exit_code
