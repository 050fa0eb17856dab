"""python -m healthygan_monai.serving: put a model where MONAI Label serves it, or write its serving.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 0 done, 1 a message says what was wrong, 2 wrong usage."""
    parser = argparse.ArgumentParser("python -m healthygan_monai.serving", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    put = commands.add_parser("install", help="a model into a MONAI Label app")
    put.add_argument("model", type=Path, metavar="RUN", help="a run folder or its model.pt")
    put.add_argument("app", type=Path, metavar="APP", help="the monaibundle app's folder")
    put.add_argument("--name", default="healthygan", help="default: %(default)s")
    tell = commands.add_parser("describe", help="write serving.json beside a model")
    tell.add_argument("model", type=Path, metavar="RUN", help="a run folder or its model.pt")
    for command in (put, tell):
        command.add_argument(
            "--dataset", type=Path, metavar="FOLDER", help="default: the one the run was trained on"
        )
        command.add_argument(
            "--quantile",
            type=float,
            default=0.995,
            help="of healthy validation maps, the threshold of the label map (default: %(default)s)",
        )
    arguments = parser.parse_args(words)
    try:
        return _run(arguments)
    except (ValueError, OSError) as error:
        print(
            "error:", " ".join(str(error).split()), file=sys.stderr
        )  # PyTorch's go over many lines
        return 1


def _run(arguments: argparse.Namespace) -> int:
    from healthygan_monai.paths import MODEL_FILE
    from healthygan_monai.serving.describe import describe, write_description
    from healthygan_monai.serving.install import install

    if arguments.command == "describe":
        model = arguments.model
        checkpoint = model / MODEL_FILE if model.is_dir() else model
        content = describe(checkpoint, arguments.dataset, arguments.quantile)
        path = write_description(content, checkpoint.parent)
        cut = content["map_threshold"]
        print(f"{path}: map threshold {cut['value']:.4f}, {cut['source']}")
        return 0
    given = (arguments.model, arguments.app, arguments.name, arguments.dataset, arguments.quantile)
    folder = install(*given)
    print(f"model: {folder}")
    print(
        f"next: monailabel start_server --app {arguments.app} --studies STUDIES --host 127.0.0.1 --port 8000 "
        f"--conf models {arguments.name} --conf zoo_source local --conf sam2 false --conf skip_trainers true"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
