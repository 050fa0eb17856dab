"""Run one cell: train, score, evaluate, and write result.json."""

import time
from pathlib import Path
from typing import Any

import torch

from data_prep.datalist import Dataset
from data_prep.files import read_json, write_json
from healthygan_monai.benchmark.folders import RESULT, SPECIFICATION
from healthygan_monai.config.devices import peak_memory
from healthygan_monai.config.literal import as_literal, python_literal
from healthygan_monai.config.workflow import chosen_config, device_override, run_config
from healthygan_monai.data import load_dataset
from healthygan_monai.evaluation.run import evaluate_run
from healthygan_monai.models.about import inference_config
from healthygan_monai.paths import (
    CONFIG_FILE,
    MODEL_FILE,
    RUN_FILE,
    SCORES_FILE,
    read_config,
    read_run,
    read_run_if_any,
)
from healthygan_monai.scoring import HEALTHYGAN, read_scores

EVALUATED = ("counts", "levels", "critic", "localisation", "warnings")  # of evaluation.json
NO_PICTURES: dict[str, Any] = {
    "inference.json": {
        "postprocessing#transforms": [
            {"_target_": "healthygan_monai.inferer.Translationd", "keys": "pred"}
        ]
    },
    "inference_baseline.json": {"pictures": None},
}


def run_cell(folder: Path, device: str = "auto") -> dict[str, Any]:
    """Run the cell that ``folder/cell.json`` describes, and return its result.

    A stopped cell continues from the last checkpoint, if the method has any.
    """
    cell = read_json(folder / SPECIFICATION)
    resumed = (folder / CONFIG_FILE).is_file() and (folder / RUN_FILE).is_file()
    began = time.monotonic()
    if not _finished(folder):
        _train(folder, cell, device, resumed)
    seconds = None if resumed else time.monotonic() - began  # the time of a part would mislead
    fit = {"seconds": seconds, "resumed": resumed, "peak_memory": peak_memory()}
    began = time.monotonic()
    config = inference_config(folder / MODEL_FILE)
    paths = {
        "checkpoint": folder / MODEL_FILE,
        "output_dir": folder,
        "dataset_dir": cell["dataset"],
    }
    overrides = {**{key: as_literal(path) for key, path in paths.items()}, **NO_PICTURES[config]}
    run_config(config, overrides | device_override(device))
    seconds = time.monotonic() - began
    dataset = load_dataset(cell["dataset"], training=False)
    evaluation = evaluate_run(folder, dataset, bootstrap=cell["bootstrap"], seed=0, probes=False)
    images = len(read_scores(folder / SCORES_FILE))
    scoring = {"seconds": seconds, "images": images, "peak_memory": peak_memory()}
    result = _result(folder, cell, dataset, evaluation, fit, scoring)
    write_json(folder / RESULT, result)
    return result


def _finished(folder: Path) -> bool:
    run = read_run_if_any(folder)
    return (folder / MODEL_FILE).is_file() and run.get("finished") is not None


def _train(folder: Path, cell: dict[str, Any], device: str, resumed: bool) -> None:
    weights = Path(cell["weights"]) if cell["weights"] else None
    settings = {key: as_literal(value) for key, value in cell["settings"].items()}
    config, overrides = chosen_config(cell["method"], settings, weights)
    overrides |= {
        "dataset_dir": as_literal(cell["dataset"]),
        "seed": cell["seed"],
        "output_dir": f"$hg.make_folder({python_literal(str(folder))})",
        **({"resume": as_literal(folder)} if resumed else {}),
        **device_override(device),
    }
    run_config(config, overrides, "training")


def _result(
    folder: Path, cell: dict, dataset: Dataset, evaluation: dict, fit: dict, scoring: dict
) -> dict[str, Any]:
    run = read_run(folder)
    device = str(run.get("device", "cpu"))
    return {
        "dataset": dataset.name,
        "protocol": dataset.protocol,
        **{key: cell[key] for key in ("method", "variant", "seed") if key in cell},
        **{key: evaluation[key] for key in EVALUATED},
        "bootstrap": evaluation["options"],
        "fit": fit,
        "scoring": scoring,
        "detector": run.get("detector", {"method": HEALTHYGAN}),
        "settings": read_config(folder),
        "provenance": {
            **evaluation["provenance"],
            "torch": torch.__version__,
            "device_name": torch.cuda.get_device_name(device) if "cuda" in device else device,
            "scores": SCORES_FILE,
        },
    }
