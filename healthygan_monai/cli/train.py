"""Run ``healthygan train``: a data set -> a run folder with model.pt."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.errors import UsageError
from healthygan_monai.baselines.names import METHODS
from healthygan_monai.cli.arguments import add_device, add_set, command, settings
from healthygan_monai.cli.train_seeds import telling_how_to_go_on, train_seeds
from healthygan_monai.config.known import refuse_overrides
from healthygan_monai.config.literal import as_literal
from healthygan_monai.config.workflow import chosen_config
from healthygan_monai.paths import (
    MODEL_FILE,
    RUN_FILE,
    bundle_root,
    dataset_of_run,
    go_on,
    read_config,
    read_run,
    refuse_ensemble,
    refuse_program_of,
    run_of,
)
from healthygan_monai.scoring import HEALTHYGAN

NETWORKS = {"generator": "network", "critic": "critic_def"}
UNPACKED = (
    "Its run.json names no data set, as that of an unpacked run: it scores, and its training "
    "cannot go on. Train anew: healthygan train DATASET"
)


def add(commands: Any) -> None:
    parser = command(commands, "train", "learn to translate images into healthy ones", run)
    text = "dataset.json or its folder, as prep writes it (default: demo films)"
    parser.add_argument("dataset", nargs="?", type=Path, metavar="DATASET", help=text)
    *others, last = METHODS
    text = "defaults: pretrained or paper; without it, what suits the data set"
    parser.add_argument("--recipe", metavar="NAME", help=text)
    text = f"{HEALTHYGAN} (default), {', '.join(others)} or {last}"
    parser.add_argument("--method", default=HEALTHYGAN, metavar="NAME", help=text)
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="of the backbone, for a method that has one"
    )
    text = "where the run folder is made (default: runs)"
    parser.add_argument("--runs-dir", type=Path, metavar="FOLDER", help=text)
    parser.add_argument("--resume", type=Path, metavar="RUN", help="continue an earlier run")
    parser.add_argument("--seed", type=int, metavar="N", help="default: 0")
    text = "train a run for each of these seeds, then make their ensemble"
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help=text)
    text = "log to MLflow: mlruns.db beside the runs, or MLFLOW_TRACKING_URI (extra: tracking)"
    parser.add_argument("--tracking", metavar="mlflow", help=text)
    text = "show the settings, the pace on this machine and the time to the end, and stop"
    parser.add_argument("-n", "--dry-run", action="store_true", help=text)
    add_device(parser)
    add_set(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.seeds is not None:
        return train_seeds(arguments, lambda seed, begun: _train(arguments, seed, begun))
    begun: list[Path] = []
    with telling_how_to_go_on(arguments, [arguments.seed or 0], begun):
        folder = _train(arguments, arguments.seed or 0, begun)
    if folder is not None:
        print(f"next: healthygan infer {folder}")
    return 0


def _train(arguments: argparse.Namespace, seed: int, begun: list[Path]) -> Path | None:
    """Train one run and return its folder, which ``begun`` gets first; None for a dry run."""
    if arguments.dataset is not None:
        _tell_data(arguments.dataset)
    from healthygan_monai.config.workflow import device_override, equivalent, make_workflow

    earlier = _settings_of(run_of(arguments.resume)) if arguments.resume is not None else {}
    method = earlier.get("method", HEALTHYGAN)
    if arguments.method != method and arguments.resume is not None:
        if arguments.method != HEALTHYGAN:
            raise UsageError(
                f"--resume {arguments.resume}: a run of {method}, not {arguments.method}."
            )
    else:
        method = arguments.method
    changes = _changes(arguments, method)
    config, chosen = chosen_config(method, changes, arguments.weights)
    overrides = {**device_override(arguments.device), **chosen}
    if arguments.resume is not None:
        _refuse_with_resume(arguments, earlier)
        options = {**earlier.get("options", {}), **overrides.get("options", {})}
        overrides = {**earlier, **overrides, **({"options": options} if options else {})}
    else:
        overrides["runs_dir"] = as_literal(arguments.runs_dir or Path("runs"))
        overrides.setdefault("seed", seed)
    if arguments.dataset is not None:
        data = arguments.dataset
        overrides["dataset_dir"] = as_literal(data.parent if data.is_file() else data)
    if arguments.tracking and method != HEALTHYGAN:
        raise UsageError(f"--tracking: only for {HEALTHYGAN}; {method} writes metrics.jsonl alone.")
    refuse_overrides(config, chosen)
    same = equivalent(config, overrides, "training", arguments.tracking)
    print("the same as:", same, flush=True)
    workflow = make_workflow(config, overrides, "training", arguments.tracking)
    if arguments.dry_run:
        _show(workflow, method)
        return None
    workflow.initialize()
    folder = workflow.parser.get_parsed_content("output_dir")
    begun.append(folder)
    workflow.run()
    print(f"model: {folder / MODEL_FILE}")
    return folder


def _refuse_with_resume(arguments: argparse.Namespace, earlier: Mapping[str, Any]) -> None:
    """Refuse options that cannot change a run that is gone on with."""
    if arguments.runs_dir is not None:
        raise UsageError("--runs-dir: a resumed run stays in its folder; leave it out.")
    if arguments.seed is not None and arguments.seed != earlier.get("seed"):
        raise UsageError(
            f"--seed {arguments.seed}: {arguments.resume} was begun with seed "
            f"{earlier.get('seed')}, and goes on with it. Leave --seed out, or begin a new run."
        )


def _tell_data(path: Path) -> None:
    """Say how many images there are to learn from, before anything slow is loaded.

    Raises:
        UsageError: a run folder.
        DataError: no data set; says what the path is, and the command that makes one of it.
    """
    from data_prep.datalist import FILE_NAME, UNLABELLED, read

    if (path / RUN_FILE).is_file() and not (path / FILE_NAME).is_file():
        more = f"To go on with it: {go_on(path)}" if read_run(path).get("dataset") else UNPACKED
        raise UsageError(f"{path}: a run folder, not a data set. {more}")
    data = read(path)
    counts = " and ".join(f"{len(data.sections[name]):,} images of {name}" for name in UNLABELLED)
    print(f"data: {data.name}, {counts}, {data.image_size} pixels a side", flush=True)


def _changes(arguments: argparse.Namespace, method: str) -> dict[str, Any]:
    """Return the settings of ``--set`` and ``--recipe``."""
    changes, recipe = settings(arguments.set), arguments.recipe
    if recipe is None:
        return changes
    if method != HEALTHYGAN:
        raise UsageError(f"--recipe: only for {HEALTHYGAN}; {method} has none.")
    if changes.get("recipe", recipe) != recipe:
        raise UsageError(f"--recipe {recipe} and --set recipe={changes['recipe']}: give one.")
    return {**changes, "recipe": recipe}


def _settings_of(run: Path) -> dict[str, Any]:
    """Return the settings that continue a run as it was begun, as data for MONAI's parser."""
    refuse_ensemble(run)
    if not read_run(run).get("dataset"):
        raise UsageError(f"--resume {run}: {UNPACKED}")
    config = read_config(run)
    for key in ("fid_features", "critic_backbone"):
        refuse_program_of(run, key, config.get(key, ""))
    config.pop("data_hash", None)  # computed from the data, not a key of the config
    options = {name: as_literal(value) for name, value in config.pop("options", {}).items()}
    settings = {**config, "resume": run, "dataset_dir": dataset_of_run(run)}
    literal = {key: as_literal(value) for key, value in settings.items()}
    return {**literal, **({"options": options} if options else {})}


def _show(workflow: Any, method: str) -> None:
    """Print what a run would use, without making its folder."""
    from data_prep.datalist import Dataset
    from data_prep.demo import IMAGE_SIZE
    from healthygan_monai.config.keys import refuse_unknown_keys

    refuse_unknown_keys(workflow.parser.get(), bundle_root() / "configs")
    # the demo's films need not be drawn to show the settings
    if workflow.parser["dataset_dir"] is None:
        workflow.parser["dataset"] = Dataset("demo", IMAGE_SIZE, protocol="demo")
    workflow.parser.parse(reset=True)
    for key, value in workflow.parser.get_parsed_content("settings").items():
        print(f"{key:<26} {value}")
    if method == HEALTHYGAN:
        for name, id_ in NETWORKS.items():
            count = sum(p.numel() for p in workflow.parser.get_parsed_content(id_).parameters())
            print(f"{name + ' parameters':<26} {count:,}")
        _show_forecast(workflow.parser)


def _show_forecast(parser: Any) -> None:
    """Print the plan of a run and its times; refuse what training would refuse."""
    from healthygan_monai.config.forecast import forecast_of
    from healthygan_monai.config.settings import check_settings

    get = parser.get_parsed_content
    check_settings(get("criterion"), get("dataset"), get("image_size"), [get("critic_def")])
    print(flush=True)  # measuring may take a while
    forecast = forecast_of(parser)
    for name, text in forecast.rows():
        print(f"{name:<26} {text}")
    warning = forecast.warning()
    if warning is not None:
        print(f"warning: {warning}")
