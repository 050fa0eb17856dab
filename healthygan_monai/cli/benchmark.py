"""Run ``healthygan benchmark``: data sets x methods x seeds -> one table beside the paper's."""

import argparse
import dataclasses
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import Any

from data_prep.errors import FAILED
from healthygan_monai.cli.arguments import command
from healthygan_monai.evaluation.defaults import RESAMPLES


def add(commands: Any) -> None:
    parser = command(commands, "benchmark", "compare methods on data sets, over seeds", run)
    text = "a grid file, or prepared data sets"
    parser.add_argument("what", nargs="*", type=Path, metavar="GRID.json | DATASET", help=text)
    text = "methods, or variants of the grid file (default: the grid's, or all)"
    parser.add_argument("--methods", nargs="+", metavar="NAME", help=text)
    text = "default: the grid's, or 0 1 2"
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help=text)
    text = f"resamples (default: the grid's, or {RESAMPLES})"
    parser.add_argument("--bootstrap", type=int, metavar="N", help=text)
    text = "for the runs and the tables (default: %(default)s)"
    parser.add_argument("--out", type=Path, default=Path("benchmark"), metavar="FOLDER", help=text)
    text = "one cell runs on each at a time: auto, cpu, cuda:0 cuda:1"
    parser.add_argument("--devices", nargs="+", default=["auto"], metavar="NAME", help=text)
    parser.add_argument("-n", "--dry-run", action="store_true", help="only write the tables")
    parser.add_argument("--cell", type=Path, help=argparse.SUPPRESS)  # one cell, in this process


def run(arguments: argparse.Namespace) -> int:
    if arguments.cell is not None:
        from healthygan_monai.benchmark.cell import run_cell

        threading.Thread(target=_end_with_parent, daemon=True).start()
        run_cell(arguments.cell, arguments.devices[0])
        return 0
    from healthygan_monai.benchmark.run import run_grid

    failed, written = run_grid(
        _grid(arguments),
        arguments.out,
        devices=arguments.devices,
        command=shlex.join(["healthygan", *sys.argv[1:]]),
        dry_run=arguments.dry_run,
    )
    for path in written:
        print(f"table: {path}")
    for cell in failed:
        print(f"failed: {cell.folder} (its output.txt says why); the same command tries it again")
    return 1 if failed else 0


def _end_with_parent() -> None:
    """End this process at once when the benchmark that started it is gone."""
    while os.read(0, 1):
        pass
    os._exit(FAILED)


def _grid(arguments: argparse.Namespace) -> Any:
    """Return the grid of a file, or of the data sets named; options override the file's."""
    from healthygan_monai.benchmark.grid import Grid, GridError, is_grid, read_grid

    what = arguments.what
    files = [path for path in what if is_grid(path)]
    if not what or (files and len(what) > 1):
        raise GridError("expected one GRID.json, or one or more data sets")
    grid = read_grid(what[0]) if files else Grid(tuple(str(path) for path in what))
    given = {key: getattr(arguments, key) for key in ("methods", "seeds", "bootstrap")}
    changes: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if v is not None
    }
    return dataclasses.replace(grid, **changes)
