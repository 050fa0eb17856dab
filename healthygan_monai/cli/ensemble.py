"""Run ``healthygan ensemble``: finished runs -> a run folder with the mean of their generators."""

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import add_accept, command
from healthygan_monai.paths import MODEL_FILE, members_of, run_of


def add(commands: Any) -> None:
    parser = command(commands, "ensemble", "average the models of several runs into one", run)
    text = "two or more finished runs on one data set, such as those of different seeds"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=text)
    text = "where it is made; default: the folder of the first RUN"
    parser.add_argument("--runs-dir", type=Path, metavar="FOLDER", help=text)
    add_accept(parser)


def run(arguments: argparse.Namespace) -> int:
    runs = [run_of(path) for path in arguments.runs]
    from healthygan_monai.models.ensemble import make_ensemble

    show(make_ensemble(runs, arguments.runs_dir, arguments.accept_changed_weights))
    return 0


def show(folder: Path) -> None:
    """Print what an ensemble is made of, and what comes next."""
    print(f"ensemble: the mean of {', '.join(m['run'] for m in members_of(folder))}")
    print(f"model: {folder / MODEL_FILE}")
    print(f"next: healthygan infer {folder}")
