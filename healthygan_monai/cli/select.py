"""Run ``healthygan select``: choose model.pt again among the checkpoints of a run."""

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import command, warn_unfinished
from healthygan_monai.paths import read_config, run_of


def add(commands: Any) -> None:
    parser = command(commands, "select", "choose the checkpoint that becomes model.pt", run)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a run folder of train")
    text = "fid: the paper's; aucp: mixed against known-healthy scores (default: as in training)"
    parser.add_argument("--criterion", choices=("fid", "aucp"), help=text)


def run(arguments: argparse.Namespace) -> int:
    folder = run_of(arguments.run_folder)
    warn_unfinished(folder)
    from healthygan_monai.selection import read_selection, select

    criterion = arguments.criterion or str(read_config(folder).get("criterion", "fid"))
    chosen = select(folder, criterion)
    for c in read_selection(folder):
        end = f"AUCp {c.aucp:.3f}{'  <- model.pt' * c.chosen}"
        print(f"iter {c.iteration:>8}  FID[{c.fid_features}] {c.fid:10.3f}  {end}")
    print(f"chosen by {criterion}: iteration {chosen.iteration}")
    print(f"next: healthygan infer {folder}")
    return 0
