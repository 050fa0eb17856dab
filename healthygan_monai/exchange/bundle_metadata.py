"""Make metadata.json of a bundle with one model; unknown facts of the model are omitted."""

from collections.abc import Mapping
from typing import Any

from data_prep.files import read_json
from healthygan_monai import __version__
from healthygan_monai.composition import output_names, output_range, output_words
from healthygan_monai.config.literal import as_prose
from healthygan_monai.exchange.model_facts import ModelFacts
from healthygan_monai.paths import METADATA_FILE, MODEL_FILE, bundle_root

OWN_PACKAGE = "healthygan-monai"
DIGITS = 4
IMAGES = {"films": "chest radiograph", "brains": "brain slice"}  # by the kind of preparation


def shipped_metadata() -> dict[str, Any]:
    """Return the bundle's own metadata.json.

    Its ``training`` holds the settings in which the bundle's model departs from its recipe.
    """
    return dict(read_json(bundle_root() / "configs" / METADATA_FILE))


def metadata_for(facts: ModelFacts, version: str | None = None) -> dict[str, Any]:
    """Return metadata.json of a bundle with a model and our packages, which it does not require.

    Args:
        facts: of the model.
        version: of the exported bundle; default: this package's.
    """
    metadata = shipped_metadata()
    metadata["required_packages_version"].pop(OWN_PACKAGE, None)
    if facts.of_bundle:
        if version is not None:
            metadata["changelog"] = {version: metadata["changelog"][metadata["version"]]}
            metadata["version"] = version
        return metadata
    version = version or __version__
    metadata["version"] = version
    metadata["changelog"] = {version: "initial version; weights of " + provenance(facts)}
    metadata["data_source"] = data_source(facts)
    for key in ("eval_metrics", "training"):
        metadata.pop(key, None)
    if metrics := eval_metrics(facts.evaluation):
        metadata["eval_metrics"] = metrics
    metadata["network_data_format"] = data_format(facts)
    metadata["pred_classes"] = output_words(facts.translation)
    grey = "single-channel" if facts.sizes["image_channels"] == 1 else "grey, in equal channels,"
    images = IMAGES.get(facts.kind, "image")
    metadata["image_classes"] = f"{grey} {images}, intensity scaled to [-1, 1]"
    return as_prose(metadata)


def provenance(facts: ModelFacts) -> str:
    """Return ``a run on covidx-256 (seed 0, iteration 340000, data 3f2a..., sha256 ...)``."""
    config, members = facts.found.config, facts.found.members
    chosen = facts.found.chosen
    parts = [
        f"seed {config['seed']}" if "seed" in config else "",
        f"seeds {', '.join(str(m['seed']) for m in members)}" if members else "",
        f"iteration {chosen.iteration}" if chosen and facts.weights.name == MODEL_FILE else "",
        f"data {config['data_hash'][:12]}" if config.get("data_hash") else "",
        f"weights sha256 {facts.sha256[:12]}",
    ]
    name = facts.found.dataset.get("name")
    kind = f"an ensemble of {len(members)} runs" if members else "a run"
    where = f"{kind} on {name}" if name else "unknown origin"
    return f"{where} ({', '.join(part for part in parts if part)})"


def data_source(facts: ModelFacts) -> str:
    """Return what dataset.json says of itself; metadata.json for the bundle's own model."""
    if facts.of_bundle:
        return str(shipped_metadata()["data_source"])
    dataset = facts.found.dataset
    words = [str(dataset[key]) for key in ("name", "description", "licence") if dataset.get(key)]
    return "; ".join(words) or "not recorded"


def eval_metrics(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Return AUC and average precision by image and subject with intervals; empty if unknown."""
    found: dict[str, float] = {}
    for unit in ("image", "subject"):
        level = evaluation.get("levels", {}).get(unit) or {}
        for name in ("auc", "average_precision"):
            entry = level.get(name) or {}
            for key, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                if isinstance(entry.get(key), (int, float)):
                    found[f"{unit}_{name}{suffix}"] = round(float(entry[key]), DIGITS)
    return found


def data_format(facts: ModelFacts) -> dict[str, Any]:
    """Return ``network_data_format``: image in, intermediate image and mask, or change, out."""
    channels = facts.sizes["image_channels"]
    names = ["image"] if channels == 1 else [f"image {i}" for i in range(channels)]
    tensor = {
        "type": "image",
        "format": "magnitude",
        "spatial_shape": [facts.image_size, facts.image_size],
        "dtype": "float32",
        "value_range": [-1, 1],
        "is_patch_data": False,
    }
    modality = facts.found.dataset.get("modality")
    image = {**tensor, "num_channels": channels, "channel_def": _numbered(names)}
    if modality:
        image["modality"] = str(modality)
    out = output_names(names, facts.translation)
    pred = {**tensor, "num_channels": len(out), "channel_def": _numbered(out)}
    pred["value_range"] = output_range(facts.translation)
    return {"inputs": {"image": image}, "outputs": {"pred": pred}}


def _numbered(names: list[str]) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names)}
