"""healthygan train: a data set -> a run folder with model.pt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import add_device, add_set, command, run_of, settings


def add(commands: Any) -> None:
    """Add ``train`` to the parser."""
    parser = command(commands, "train", "learn to translate images into healthy ones", run)
    parser.add_argument(
        "dataset", nargs="?", type=Path, metavar="DATASET", help="default: demo films"
    )
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with an earlier run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the settings and stop")
    add_device(parser)
    add_set(parser)


def run(arguments: argparse.Namespace) -> int:
    from healthygan_monai.cli.bundle import device_override, equivalent, make_workflow

    overrides = {**device_override(arguments.device), **settings(arguments.set)}
    if arguments.resume is not None:
        overrides = {**_settings_of(run_of(arguments.resume)), **overrides}
    else:
        overrides["runs_dir"] = str(arguments.runs_dir)
        overrides.setdefault("seed", arguments.seed)
    if arguments.dataset is not None:
        data = arguments.dataset
        overrides["dataset_dir"] = str(data.parent if data.is_file() else data)
    print("the same as:", equivalent("train.json", overrides, "training"))
    workflow = make_workflow("train.json", overrides, "training")
    if arguments.dry_run:
        return _show(workflow)
    workflow.initialize()
    folder = workflow.parser.get_parsed_content("output_dir")
    workflow.run()
    print(f"model: {folder / 'model.pt'}")
    print(f"next: healthygan infer {folder}")
    return 0


def _settings_of(run: Path) -> dict[str, Any]:
    """Overrides that continue a run with what it was begun with."""
    from healthygan_monai.runs import CONFIG_FILE, RUN_FILE, read_json

    earlier = read_json(run / CONFIG_FILE)
    earlier.pop("data_hash", None)  # computed from the data, not a key of the config
    return {**earlier, "resume": str(run), "dataset_dir": read_json(run / RUN_FILE)["dataset"]}


def _show(workflow: Any) -> int:
    """Print what a run would use, without making its folder."""
    from data_prep.datalist import Dataset
    from data_prep.demo import IMAGE_SIZE
    from healthygan_monai.configuration import refuse_unknown_keys
    from healthygan_monai.paths import bundle_root

    refuse_unknown_keys(workflow.parser.get(), bundle_root() / "configs")
    if (
        workflow.parser["dataset_dir"] is None
    ):  # the demo's films are not drawn for a look at the settings
        workflow.parser["dataset"] = Dataset("demo", IMAGE_SIZE, protocol="demo")
    workflow.parser.parse(reset=True)
    for key, value in workflow.parser.get_parsed_content("settings").items():
        print(f"{key:<26} {value}")
    for name, id_ in (("generator", "network_def"), ("critic", "critic_def")):
        count = sum(p.numel() for p in workflow.parser.get_parsed_content(id_).parameters())
        print(f"{name + ' parameters':<26} {count:,}")
    return 0
