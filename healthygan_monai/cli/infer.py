"""healthygan infer: a model and images -> scores.csv and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import add_device, add_set, command, run_of, settings


def add(commands: Any) -> None:
    """Add ``infer`` to the parser."""
    parser = command(commands, "infer", "translate and score images", run)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a run folder or its model.pt")
    parser.add_argument(
        "dataset",
        nargs="?",
        type=Path,
        metavar="DATASET",
        help="a prepared data set or a folder of grey pictures; default: the run's own data set",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: RUN")
    add_device(parser)
    add_set(parser)


def run(arguments: argparse.Namespace) -> int:
    from healthygan_monai.cli.bundle import device_override, equivalent, run_config
    from healthygan_monai.inference import inference_config
    from healthygan_monai.runs import RUN_FILE, read_json

    folder = run_of(arguments.run_folder)
    own = arguments.dataset is None
    data = Path(read_json(folder / RUN_FILE)["dataset"]) if own else arguments.dataset
    if not own and arguments.output is None and (folder / RUN_FILE).is_file():
        known = Path(read_json(folder / RUN_FILE)["dataset"]).resolve()
        given = data.parent if data.is_file() else data
        if given.resolve() != known:
            raise ValueError(
                f"{data} is not the data set of {folder}; give --output FOLDER, so that the run's own "
                "scores stay."
            )
    is_model = arguments.run_folder.is_file()
    checkpoint = arguments.run_folder if is_model else folder / "model.pt"
    config = inference_config(checkpoint)
    overrides = {
        "checkpoint": str(checkpoint),
        "dataset_dir": str(data.parent if data.is_file() else data),
        "output_dir": str(arguments.output or folder),
        **device_override(arguments.device),
        **settings(arguments.set),
    }
    print("the same as:", equivalent(config, overrides))
    run_config(config, overrides)
    output = Path(overrides["output_dir"])
    print(f"scores: {output / 'scores.csv'}")
    if (output / "pictures").is_dir():
        print(f"pictures: {output / 'pictures'}")
    print(f"next: healthygan evaluate {output}")
    return 0
