"""Write one file with a run's weights, settings, thresholds and card; no patient's data."""

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import healthygan_monai
from data_prep.errors import UsageError
from data_prep.files import sha256, whole, write_json, write_text
from healthygan_monai.exchange.share.contents import (
    CARD,
    FORMAT,
    LEFT_OUT,
    MANIFEST,
    MOST_BYTES,
    NOTE,
    without_folders,
)
from healthygan_monai.integrity.recorded import sums_of
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.models.about import method_of
from healthygan_monai.models.recipe import recipe_of
from healthygan_monai.paths import (
    CONFIG_FILE,
    CRITIC_FILE,
    EVALUATION_FILE,
    MODEL_FILE,
    PRICES_FILE,
    RUN_FILE,
    SERVING_FILE,
    iterations_done,
    read_config,
    read_evaluation,
    read_run,
    require_model,
)
from healthygan_monai.pretrained.trials import read_trials, write_trials
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.serving.describe import description_if_known

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip archive knows: equal runs, equal bytes
KEPT = ("method", "score_by", "unit", "counts")  # of evaluation.json; figures alone
FIGURES = ("n", "auc", "average_precision")
CUT = ("threshold", "policy", "chosen_on", "words", "confusion", "sensitivity", "specificity")


def pack(run: Path, out: Path, accept_changed: bool = False) -> list[str]:
    """Write the run to a zip archive; return the names of its files.

    The archive is stored, not compressed, so that equal runs give equal bytes on every machine.

    Args:
        run: the run folder.
        out: a new file.
        accept_changed: see :func:`~healthygan_monai.integrity.weights.read_weights`.

    Raises:
        NoModel, ModelError: no run, no model in it, or a damaged one.
        UsageError: ``out`` is there already.
    """
    if out.exists():
        raise UsageError(f"{out}: there already. Name another file, or remove it.")
    weights = require_model(run / MODEL_FILE)
    files = {MODEL_FILE: weights}
    if (run / CRITIC_FILE).is_file():
        files[CRITIC_FILE] = run / CRITIC_FILE
    for path in files.values():
        read_weights(path, accept_changed=accept_changed)
    with whole(out, same_name=True) as part:
        files |= _written(part.parent / "files", run)
        entries = {name: _entry(path) for name, path in sorted(files.items())}
        manifest = part.parent / "files" / MANIFEST
        version = healthygan_monai.__version__
        write_json(manifest, {"format": FORMAT, "version": version, "note": NOTE, "files": entries})
        files[MANIFEST] = manifest
        names = [name for name in MOST_BYTES if name in files]
        with zipfile.ZipFile(part, "x", zipfile.ZIP_STORED) as archive:
            for name in names:
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
                info.file_size = files[name].stat().st_size
                with files[name].open("rb") as source, archive.open(info, "w") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    return names


def _entry(path: Path) -> dict[str, Any]:
    return {"sha256": sha256(path), "bytes": path.stat().st_size}


def _written(folder: Path, run: Path) -> dict[str, Path]:
    """Write the files that are made of the run's own; return them by name."""
    model = run / MODEL_FILE
    known = {key: value for key, value in read_run(run).items() if key not in LEFT_OUT}
    if known.get("finished", "") is None:  # what is packed cannot be resumed; the card tells
        known |= {"iterations": iterations_done(run)}
        del known["finished"]
    serving = description_if_known(model) if method_of(model) == HEALTHYGAN else None
    contents = {
        RUN_FILE: {**known, "recipe": recipe_of(model), **sums_of(run)},
        CONFIG_FILE: read_config(run),
        SERVING_FILE: serving or {},
        EVALUATION_FILE: figures(run),
    }
    contents = {name: without_folders(found) for name, found in contents.items() if found}
    folder.mkdir()
    trials = read_trials(run)
    if trials:
        write_trials(folder, trials)
    for name, content in contents.items():
        write_json(folder / name, content)
    write_text(folder / CARD, card(contents, method_of(model)))
    names = (*contents, *([PRICES_FILE] if trials else []), CARD)
    return {name: folder / name for name in names}


def figures(run: Path) -> dict[str, Any]:
    """Return thresholds and figures of evaluation.json, if it is of these weights."""
    found = read_evaluation(run)
    if (found.get("provenance") or {}).get("weights_sha256") != sha256(run / MODEL_FILE):
        return {}
    levels: dict[str, Any] = {}
    for unit, level in found.get("levels", {}).items():
        if not level:
            continue
        cuts = {
            name: (level.get("thresholds") or {}).get(name) for name in ("validation", "promised")
        }
        cuts = {n: {key: cut[key] for key in CUT if key in cut} for n, cut in cuts.items() if cut}
        kept = {key: level[key] for key in FIGURES if key in level}
        levels[unit] = {**kept, "thresholds": cuts}
        if level.get("promise"):
            levels[unit]["promise"] = {"false_alarm_rate": level["promise"]["false_alarm_rate"]}
    return {
        **{key: found[key] for key in KEPT if key in found},
        "levels": levels,
        "provenance": {"weights_sha256": sha256(run / MODEL_FILE)},
    }


def card(contents: Mapping[str, Any], method: str) -> str:
    """Return the card of the archive, for people."""
    run, config = contents[RUN_FILE], contents.get(CONFIG_FILE, {})
    levels = contents.get(EVALUATION_FILE, {}).get("levels", {})
    recipe = run.get("recipe") or {}
    data = contents.get(SERVING_FILE, {}).get("trained_on", {}).get("name")
    facts = {
        "method": method,
        "image size": config.get("image_size"),
        "trained on": data,
        "images prepared as": recipe.get("kind"),
        "iterations": run.get("iterations"),
        "finished": run.get("finished") or "training has not finished",
        "software": f"healthygan {run.get('version', healthygan_monai.__version__)}",
        "SHA-256 of model.pt": run["weights_sha256"],
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value is not None]
    results = [
        f"- AUC by {unit}: {auc['value']:.2f} (95 % interval {auc['low']:.2f} to {auc['high']:.2f})"
        for unit, level in levels.items()
        if (auc := level.get("auc")) and None not in auc.values()
    ]
    results = results or ["- Evaluation of these weights: not run."]
    return f"""# A trained run of HealthyGAN for MONAI

**{NOTE.capitalize()}.** It holds weights, settings and thresholds, but no image, no
score and no name of a patient.

| what | value |
|---|---|
{chr(10).join(rows)}

On the test section of its own data:

{chr(10).join(results)}

On images of other devices, places or preparations: not run. Before you share the weights, find out
whether the terms of their training images allow it.

Use: `healthygan unpack FILE RUN`, then `healthygan score RUN IMAGES RESULTS`.
"""
