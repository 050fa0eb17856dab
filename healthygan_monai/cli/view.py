"""Run ``healthygan view``: a page on this machine that shows the cases of a scored folder."""

import argparse
import webbrowser
from pathlib import Path
from typing import Any

from data_prep.errors import DONE
from healthygan_monai.cli.arguments import command, dataset_of
from healthygan_monai.paths import REVIEW_FILE, run_of


def add(commands: Any) -> None:
    parser = command(commands, "view", "show the scored cases in a browser, on this machine", run)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a folder with scores.csv")
    text = "of the scored images; default: the run's own"
    parser.add_argument("--dataset", type=Path, metavar="FOLDER", help=text)
    text = "to listen on; default: a free one"
    parser.add_argument("--port", type=int, default=0, metavar="NUMBER", help=text)
    text = "only print the address, and open no browser"
    parser.add_argument("--no-browser", action="store_true", help=text)


def run(arguments: argparse.Namespace) -> int:
    from healthygan_monai.view.server import Viewer
    from healthygan_monai.view.study import open_cases

    folder = run_of(arguments.run_folder)
    cases = open_cases(folder, dataset_of(folder, arguments.dataset))
    with Viewer(cases, arguments.port) as viewer:
        print(f"view: {viewer.address}")
        print(f"marks: {folder / REVIEW_FILE}")
        print("Ctrl-C ends it. For this machine alone: who knows the address sees the cases.")
        print("Research software, not a medical device.", flush=True)
        if not arguments.no_browser:
            webbrowser.open(viewer.address)
        try:
            viewer.serve_forever()
        except KeyboardInterrupt:
            print("ended")
    return DONE
