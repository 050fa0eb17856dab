"""python -m healthygan_monai.serving: serve a model by MONAI Label, or write its serving.json."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from data_prep.cli.exit_codes import EXIT_CODES, run_command
from data_prep.errors import DONE
from healthygan_monai.cli.arguments import A_MODEL, add_accept, command, warn_unfinished
from healthygan_monai.models.places import model_file


def main(words: Sequence[str] | None = None) -> int:
    """Parse, run, print; return the exit code."""
    return run_command(build_parser().parse_args(words))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with its commands."""
    parser = argparse.ArgumentParser(
        "python -m healthygan_monai.serving", description=__doc__, epilog=EXIT_CODES
    )
    commands = parser.add_subparsers(dest="command", required=True)
    put = command(commands, "install", "put a model into a MONAI Label app", _install)
    put.add_argument("model", type=Path, metavar="RUN", help=A_MODEL)
    put.add_argument("app", type=Path, metavar="APP", help="the monaibundle app's folder")
    text = "of the model in the app (default: %(default)s)"
    put.add_argument("--name", default="healthygan", metavar="NAME", help=text)
    show = command(commands, "describe", "write serving.json beside a model", _describe)
    show.add_argument("model", type=Path, metavar="RUN", help=A_MODEL)
    command(commands, "mend-torchvision", "let MONAI Label start beside a torch for CPUs", _mend)
    for each in (put, show):
        text = "default: the one the run was trained on"
        each.add_argument("--dataset", type=Path, metavar="FOLDER", help=text)
        text = "of healthy validation maps; gives the label map's threshold (default: 0.995)"
        each.add_argument("--quantile", type=float, metavar="SHARE", help=text)
        add_accept(each)
    return parser


def _describe(arguments: argparse.Namespace) -> int:
    checkpoint = model_file(arguments.model)
    warn_unfinished(checkpoint.parent)
    from healthygan_monai.serving.describe import describe, write_description

    content = describe(
        checkpoint, arguments.dataset, arguments.quantile, arguments.accept_changed_weights
    )
    path = write_description(content, checkpoint.parent)
    cut = content["map_threshold"]
    print(f"{path}: map threshold {cut['value']!r}, {cut['source']}")
    return DONE


def _install(arguments: argparse.Namespace) -> int:
    warn_unfinished(model_file(arguments.model).parent)
    from healthygan_monai.serving.install import install

    given = (arguments.model, arguments.app, arguments.name, arguments.dataset, arguments.quantile)
    print(f"model: {install(*given, arguments.accept_changed_weights)}")
    print(
        f"next: monailabel start_server --app {arguments.app} --studies STUDIES --host 127.0.0.1 "
        f"--port 8000 --conf models {arguments.name} --conf zoo_source local --conf sam2 false "
        "--conf skip_trainers true"
    )
    return DONE


def _mend(arguments: argparse.Namespace) -> int:
    from healthygan_monai.serving.torchvision_operators import mend

    written = mend()
    print(f"written: {written}" if written else "torchvision works; nothing to mend")
    return DONE
