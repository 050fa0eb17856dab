"""Run ``healthygan demo``: raw phantom DICOM -> report.html, by the commands of any study."""

import argparse
import logging
import time
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import add_device, add_set, command
from healthygan_monai.paths import REPORT_FILE

log = logging.getLogger(__name__)


def add(commands: Any) -> None:
    parser = command(commands, "demo", "raw phantom films to a report, in minutes", run)
    folder = Path("healthygan-demo")
    text = "for everything that it makes (default: %(default)s)"
    parser.add_argument("folder", nargs="?", type=Path, default=folder, metavar="FOLDER", help=text)
    text = "of the films and of the training (default: 0)"
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=text)
    add_device(parser)
    add_set(parser)
    parser.set_defaults(commands=commands.choices)


def run(arguments: argparse.Namespace) -> int:
    from data_prep.demo import make_demo

    began = time.monotonic()
    folder: Path = arguments.folder
    log.info("1/5 prepare: phantom films, drawn as DICOM, in %s", folder / "data")
    dataset = make_demo(folder / "data", seed=arguments.seed)
    runs = folder / "runs"
    common = ["--device", arguments.device]
    options = [word for text in arguments.set for word in ("--set", text)]
    seed = ["--seed", str(arguments.seed)]

    def step(title: str, *words: str | Path) -> None:
        log.info("%s: healthygan %s", title, " ".join(str(w) for w in words))
        name, *rest = (str(word) for word in words)
        parsed = arguments.commands[name].parse_args(rest)
        parsed.run(parsed)

    step("2/5 train", "train", dataset.parent, "--runs-dir", runs, *seed, *common, *options)
    latest = max(runs.iterdir())
    step("3/5 infer", "infer", latest, *common)
    step("4/5 evaluate", "evaluate", latest)
    step("5/5 report", "report", latest)
    print(f"done in {time.monotonic() - began:.0f} s; open {latest / REPORT_FILE}")
    return 0
