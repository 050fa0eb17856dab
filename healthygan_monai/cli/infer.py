"""Run ``healthygan infer``: a model and images -> scores.csv and pictures."""

import argparse
from pathlib import Path
from typing import Any

from data_prep.datalist import FILE_NAME
from data_prep.errors import DONE, SOME_UNREAD, UsageError
from healthygan_monai.cli.arguments import (
    A_MODEL,
    add_accept,
    add_device,
    add_set,
    command,
    settings,
    warn_unfinished,
)
from healthygan_monai.config.known import refuse_overrides
from healthygan_monai.config.literal import as_literal
from healthygan_monai.config.workflow import device_override, equivalent, run_config
from healthygan_monai.models.places import bundle_around, model_file
from healthygan_monai.models.runtimes import PYTORCH, RUNTIMES, runtime_name
from healthygan_monai.paths import (
    RUN_FILE,
    SCORES_FILE,
    SKIPPED_FILE,
    dataset_of_run,
    eval_folder,
    read_run,
)
from healthygan_monai.scoring import KEPT_OUT, SCORE_RULES, SCORE_WORDS, read_scores

FILES = {runtime.name: f"model{suffix}" for suffix, runtime in RUNTIMES.items()}


def add(commands: Any) -> None:
    parser = command(commands, "infer", "translate and score images", run)
    text = f"{A_MODEL}, or an exported {' or '.join(RUNTIMES)}"
    parser.add_argument("run_folder", type=Path, metavar="RUN", help=text)
    text = "a prepared data set, a grey picture or a folder of them; default: the run's own data"
    parser.add_argument("dataset", nargs="?", type=Path, metavar="DATASET", help=text)
    text = "default: RUN, or the folder of the model's file; of a bundle its eval"
    parser.add_argument("--output", type=Path, metavar="FOLDER", help=text)
    text = "library that computes; RUN is exported to it if needed. Default: that of the model file"
    parser.add_argument("--runtime", choices=[PYTORCH, *FILES], help=text)
    text = f"top: the {SCORE_WORDS['top']} (default: mean)".replace("%", "%%")
    parser.add_argument("--score-by", choices=[*SCORE_RULES], help=text)
    add_device(parser)
    add_accept(parser)
    add_set(parser, "batch_size=4", "")


def run(arguments: argparse.Namespace) -> int:
    model = model_file(arguments.run_folder)
    folder, bundle = model.parent, bundle_around(model)
    by_default = folder if bundle is None else Path(eval_folder(str(bundle)))
    own = arguments.dataset is None
    if own and bundle is not None:
        raise UsageError(f"{arguments.run_folder}: a bundle has no data set of its own; give one.")
    data = dataset_of_run(folder) if own else arguments.dataset
    if data.name == FILE_NAME and data.is_file():
        data = data.parent
    if not own and arguments.output is None and (folder / RUN_FILE).is_file():
        known = read_run(folder).get("dataset")  # none in a run from healthygan unpack
        if known is None or data.resolve() != Path(known).resolve():
            raise UsageError(
                f"{data} is not the data set of {folder}; give --output FOLDER, so that the run's "
                "own scores stay."
            )
    warn_unfinished(folder)
    from healthygan_monai.models.about import inference_config

    checkpoint = _for_runtime(model, arguments.runtime, arguments.accept_changed_weights)
    config = inference_config(checkpoint)
    if arguments.score_by and config != "inference.json":
        raise UsageError(
            "--score-by: only for HealthyGAN; other methods have a score of their own."
        )
    overrides = {
        "checkpoint": as_literal(checkpoint),
        "dataset_dir": as_literal(data),
        "output_dir": as_literal(arguments.output or by_default),
        **({"score_by": arguments.score_by} if arguments.score_by else {}),
        **({"accept_changed_weights": True} if arguments.accept_changed_weights else {}),
        **device_override(arguments.device),
        **settings(arguments.set),
    }
    refuse_overrides(config, overrides)
    print("the same as:", equivalent(config, overrides), flush=True)
    workflow = run_config(config, overrides)
    output = Path(workflow.parser.get_parsed_content("output_dir"))
    print(f"scores: {output / SCORES_FILE}")
    if (output / "pictures").is_dir():
        print(f"pictures: {output / 'pictures'}")
    unread = (output / SKIPPED_FILE).is_file() and not (data / FILE_NAME).is_file()
    if unread:
        print(f"not scored: {output / SKIPPED_FILE}")
    print(f"next: healthygan evaluate {output}{_calibration(folder, output)}")
    return SOME_UNREAD if unread else DONE


def _calibration(folder: Path, output: Path) -> str:
    """Return the option that new images need: the run whose known-healthy images have scores."""
    sections = {row.section for row in read_scores(output / SCORES_FILE)}
    needed = not sections & {"validation", KEPT_OUT} and (folder / SCORES_FILE).is_file()
    return f" --calibration {folder}" if needed and output != folder else ""


def _for_runtime(model: Path, runtime: str | None, accept_changed: bool) -> Path:
    """Return the model file for the runtime, exported from model.pt if absent or outdated."""
    of_file = runtime_name(model)
    if runtime in (None, of_file):
        return model
    if of_file != PYTORCH:
        raise UsageError(f"{model}: a file for {of_file}; --runtime {runtime} needs another.")
    from healthygan_monai.exchange.export import up_to_date

    return up_to_date(model, FILES[runtime], accept_changed)
