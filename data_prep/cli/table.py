"""The command table: a draft of the table of --table, to be filled in any spreadsheet."""

import argparse
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from data_prep.cli.arguments import add_people, add_work, given_work
from data_prep.cli.exit_codes import command
from data_prep.errors import DONE, UsageError

TEXT = "draft the table of prep --table from folder names and headers, with pseudonyms"


def add_table(commands: Any) -> None:
    """Add table to argparse sub-parsers."""
    table = command(commands, "table", TEXT, _table)
    table.add_argument("folder", type=Path, metavar="FOLDER", help="the images")
    table.add_argument(
        "out", type=Path, nargs="?", metavar="OUT.csv", help="new file (default: FOLDER.table.csv)"
    )
    table.add_argument(
        "--kind", choices=("films", "brains"), help="default: brains where there is a NIfTI volume"
    )
    add_people(table, "OUT.key")
    add_work(table)


def _table(arguments: argparse.Namespace) -> int:
    from data_prep.brain import BrainRecipe
    from data_prep.files import write_csv
    from data_prep.film import FilmRecipe
    from data_prep.inputs.choices import Cohort
    from data_prep.inputs.draft import COLUMNS, draft
    from data_prep.pipeline import pool_for
    from data_prep.privacy.pseudonyms import load_key
    from data_prep.repeat import kind_of_inputs
    from data_prep.settings import Settings

    folder = arguments.folder
    here = folder.resolve()
    out = arguments.out or folder.parent / f"{here.name}.table.csv"
    if out.suffix.lower() != ".csv":
        raise UsageError(
            f"{out}: the draft is CSV, which every spreadsheet opens. Name it {out.stem}.csv."
        )
    if out.exists():
        raise UsageError(f"{out}: there already. Name another file, or remove it.")
    kind = arguments.kind or kind_of_inputs(folder)
    recipe = FilmRecipe() if kind == "films" else BrainRecipe()
    keyed = arguments.pseudonyms == "keyed"
    key = arguments.key or out.with_suffix(".key")
    new_key = keyed and not key.exists()
    salt = load_key(key) if keyed else b""
    cohort = Cohort(pseudonyms=arguments.pseudonyms, salt=salt)
    settings = Settings(folder, out, recipe, cohort, given_work(arguments), dry_run=True)
    try:
        with pool_for(settings) as pool:
            rows, others = draft(folder, kind, cohort, pool)
    except BaseException:
        if new_key:
            key.unlink(missing_ok=True)
        raise
    write_csv(out, COLUMNS, rows, private=True)
    print(f"{out}: {len(rows):,} images of {len({row[1] for row in rows}):,} subjects")
    if others:
        print(f"{others:,} files left out: no images, previews, or in folders of masks")
    for name in COLUMNS[2:]:
        counts = Counter(row[COLUMNS.index(name)] or "empty" for row in rows)
        print(f"  {name:<8}" + ", ".join(f"{word} {n:,}" for word, n in sorted(counts.items())))
    print("Sections, groups and labels were guessed from names of folders: check them, and fill in")
    print("what is empty. A row without section, group and label is for test.")
    print("Its paths are those of your files and may name patients: keep it as private as these.")
    words = ["healthygan", "prep", kind, folder, f"{here.name}-prepared", "--table", out]
    words += ["--key", key] if keyed else ["--pseudonyms", "given"]
    print(f"next: {shlex.join(map(str, words))} --dry-run")
    return DONE
