"""Arguments of `healthygan prep covidx`, `chestxray14`, ..."""

import argparse
import importlib
import logging
import tempfile
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

from data_prep.cli.arguments import add_common, add_fields, from_arguments, pairs
from data_prep.cli.brains import add_brain_arguments, brain_recipe
from data_prep.cli.exit_codes import command
from data_prep.cli.films import add_film_arguments, film_recipe
from data_prep.cli.prepare import explain_table, prepare, rows_to_use
from data_prep.datalist import DataError
from data_prep.errors import DONE, FAILED, UsageError
from data_prep.sources import PROTOCOLS
from data_prep.sources.card import Card, Cohort, write_table
from data_prep.sources.confound import confound_text

log = logging.getLogger(__name__)

OWN = "csv"

TABLE_FLAGS = ("table", "columns", "where")
# Public films were cleared by who published them, and are framed as the paper's authors do.
PUBLIC = {"pseudonyms": "given"}  # names of a public data set are nobody's
PUBLIC_FILMS = {"allow_burned_in": True, "collimation": "keep"}


def add_source_commands(commands: Any) -> None:
    """Add one command a protocol to argparse sub-parsers; each sets `run`."""
    for name, module_name in PROTOCOLS.items():
        module = importlib.import_module(f"data_prep.sources.{module_name}")
        card: Card = module.CARD
        parser = command(commands, name, f"protocol: {card.title}", _run)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = card.text()
        add_common(parser, hidden=_without_meaning(module))
        if card.kind == "films":
            add_film_arguments(parser)
        else:
            add_brain_arguments(parser)
        _add_protocol_arguments(parser, module)


def _add_protocol_arguments(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    group = parser.add_argument_group("protocol")
    group.add_argument("--check", action="store_true", help="say what is missing and stop")
    group.add_argument(
        "--write-table", type=Path, metavar="FILE.csv", help="write the cohort table and stop"
    )
    if "counts" in _names(module):
        group.add_argument(
            "--counts",
            default="",
            metavar="healthy=N,mixed=H+D,...",
            help=f"other {module.CARD.unit} than the paper's, healthy + diseased",
        )
    add_fields(group, module.Options)
    known: dict[str, Any] = {"size": module.CARD.size, "protocol": module.CARD.protocol}
    if module.CARD.kind == "films":
        known["framing"] = module.CARD.framing
    if module.CARD.public:
        known |= PUBLIC | PUBLIC_FILMS
    parser.set_defaults(module=module, defaults=parser, **known)


def _names(module: ModuleType) -> list[str]:
    return [field.name for field in fields(module.Options)]


def _without_meaning(module: ModuleType) -> list[str]:
    """Return the flags of all preparations that change nothing here, for its lists decide."""
    return [flag for flag in (*TABLE_FLAGS, "validation", "test") if flag not in _names(module)]


def _run(arguments: argparse.Namespace) -> int:
    module, card = arguments.module, arguments.module.CARD
    _refuse_what_has_no_meaning(arguments, module)
    options = _options(arguments, module)
    if arguments.check and arguments.write_table is not None:
        raise UsageError("--check writes nothing: leave it out, or --write-table")
    if arguments.check:
        return _check(module, arguments.input, options)
    explain_table(arguments)  # of one's own; no other has one yet
    problems = module.verify(arguments.input, options)
    cohort: Cohort = module.cohort(arguments.input, options)
    for problem in problems:
        log.warning("%s", problem)
    _tell(card, cohort)
    if arguments.write_table is not None:
        write_table(cohort.rows, arguments.write_table)
        print(f"wrote {arguments.write_table}")
        return DONE
    if cohort.facts.get("missing") == len(cohort.rows) and not any(arguments.input.rglob("*.zip")):
        raise DataError(f"{arguments.input}: none of the images is there. Try --check.")
    films = card.kind == "films"
    recipe = film_recipe(arguments) if films else brain_recipe(arguments)
    if card.name != OWN:  # a table of one's own has no public name: OUTPUT's is used
        arguments.name = arguments.name or card.name
    arguments.description = arguments.description or card.title
    arguments.licence = arguments.licence or card.licence
    arguments.columns, arguments.where = "", []  # those of the user's table have been applied
    with _beside(arguments) as place:
        rows = list(cohort.rows)
        if hasattr(module, "stage"):
            rows = module.stage(rows, arguments.input, place / "slices", options)
        arguments.table = place / "cohort.csv"
        write_table(rows, arguments.table)
        source = {**card.record(), **cohort.facts}
        return prepare(arguments, recipe, source)


def _beside(arguments: argparse.Namespace) -> Any:
    """The folder OUTPUT.cohort, for the table and what is made on the way; a passing one in a dry
    run. It is not in OUTPUT, for the table names the original files.
    """
    if arguments.dry_run:
        return _Passing()
    place = arguments.output.resolve()
    place = place.with_name(place.name + ".cohort")
    place.mkdir(parents=True, exist_ok=True)
    return nullcontext(place)


class _Passing(tempfile.TemporaryDirectory):  # type: ignore[type-arg]
    def __enter__(self) -> Any:
        return Path(super().__enter__())


def _refuse_what_has_no_meaning(arguments: argparse.Namespace, module: ModuleType) -> None:
    """A flag that would change nothing is an error, not a silence."""
    for flag in _without_meaning(module):
        if getattr(arguments, flag) != arguments.defaults.get_default(flag):
            raise UsageError(
                f"--{flag} has no meaning for {module.CARD.name}: its lists decide. See --help."
            )


def _options(arguments: argparse.Namespace, module: ModuleType) -> Any:
    table = {}
    if "columns" in _names(module):
        table["columns"] = pairs(arguments.columns, "--columns")
        table["where"] = rows_to_use(arguments)
    return from_arguments(module.Options, arguments, **table)


def _check(module: ModuleType, folder: Path, options: Any) -> int:
    """Everything about the data set without opening an image."""
    print(module.CARD.text())
    problems = module.verify(folder, options)
    for problem in problems:
        print(f"problem: {problem}")
    try:
        _tell(module.CARD, module.cohort(folder, options))
    except DataError as error:
        if str(error) not in problems:
            print(f"problem: {error}")
        return FAILED
    return FAILED if problems else DONE


def _tell(card: Card, cohort: Cohort) -> None:
    """Sizes, what gives the classes away, and every warning: printed every time."""
    print(f"{card.name}  {len(cohort.rows):,} images")
    for name, (healthy, diseased) in cohort.counts().items():
        subjects = len({row.subject for row in cohort.rows if row.section == name})
        print(f"  {name:<18}{healthy:>8,} healthy{diseased:>8,} diseased{subjects:>8,} subjects")
    text = confound_text(cohort.facts)
    if text:
        print(text)
    for warning in cohort.warnings:
        print(f"warning: {warning}")
