"""Run ``healthygan report``: everything in a run folder -> one report.html."""

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import add_accept, command, dataset_of, warn_unfinished
from healthygan_monai.paths import MODEL_FILE, SCORES_FILE, run_of


def add(commands: Any) -> None:
    text = "write one self-contained report.html, and a gallery of all cases beside it"
    parser = command(commands, "report", text, run)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder with scores.csv")
    text = "of the scored images; default: the run's own"
    parser.add_argument("--dataset", type=Path, metavar="FOLDER", help=text)
    add_accept(parser)


def run(arguments: argparse.Namespace) -> int:
    folder = run_of(arguments.run_folder)
    warn_unfinished(folder)
    data = dataset_of(folder, arguments.dataset)
    from healthygan_monai.report.case_pictures import case_pictures
    from healthygan_monai.report.page import write_report

    translate = None
    if data is not None and (folder / MODEL_FILE).is_file():
        translate = case_pictures(folder / MODEL_FILE, data, arguments.accept_changed_weights)
    print(f"report: {write_report(folder, translate=translate, dataset=data)}")
    if (folder / SCORES_FILE).is_file():
        print(f"next: healthygan view {folder}")
    return 0
