"""``export huggingface``: the bundle as a model repository, its card with front matter at the root.

The layout is that of the MONAI organisation: the bundle's folders at the root of the repository, README.md beside
them, weights in place however large. ``monai.bundle.download(source="huggingface_hub")`` fetches it as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from healthygan_monai.exchange.bundle_folder import BUNDLE_NAME, build_bundle, new_folder
from healthygan_monai.exchange.bundle_metadata import eval_metrics
from healthygan_monai.exchange.model_facts import ModelFacts

TAGS = ("monai", "medical", "anomaly-detection", "gan", "image-to-image")
MODALITY_TAGS = {"films": ("chest-x-ray",), "brains": ("brain-mri",)}
METRICS = {  # key of eval_metrics: (type, name)
    "image_auc": ("roc_auc", "AUC by image"),
    "subject_auc": ("roc_auc", "AUC by subject"),
    "image_average_precision": ("average_precision", "average precision by image"),
}


def export_huggingface(out: Path | str, facts: ModelFacts, version: str | None = None) -> Path:
    """Write OUT/healthygan, ready for ``hf upload ORGANISATION/healthygan OUT/healthygan``; returns that folder.

    Raises:
        ValueError: OUT is there and not empty.
    """
    out = Path(out)
    with new_folder(out) as part:
        bundle = part / BUNDLE_NAME
        bundle.mkdir()
        metadata = build_bundle(bundle, facts, version)
        text = (bundle / "docs" / "README.md").read_text(encoding="utf-8")
        (bundle / "README.md").write_text(front_matter(facts, metadata) + text, encoding="utf-8")
    return out / BUNDLE_NAME


def front_matter(facts: ModelFacts, metadata: dict[str, Any]) -> str:
    """The YAML head of the card; results only where these weights were evaluated."""
    head: dict[str, Any] = {
        **_licence(facts),
        "library_name": "monai",
        "pipeline_tag": "image-to-image",
        "tags": [*TAGS, *MODALITY_TAGS.get(modality(facts), ())],
    }
    results = model_index(facts)
    if results:
        head["model-index"] = [{"name": metadata["name"], "results": results}]
    return "---\n" + yaml.safe_dump(head, sort_keys=False, allow_unicode=True) + "---\n"


def modality(facts: ModelFacts) -> str:
    """films, brains, or nothing where the data are not known."""
    if facts.of_bundle:
        return "films"
    recipe = (facts.found.dataset.get("generated_by") or {}).get("recipe") or {}
    return str(recipe.get("kind", ""))


def _licence(facts: ModelFacts) -> dict[str, str]:
    """Of the weights, which is not the code's where images of others made them."""
    if facts.of_bundle:
        return {"license": "apache-2.0"}
    return {
        "license": "other",
        "license_name": "code-apache-2.0-weights-by-their-data",
        "license_link": "docs/data_license.txt",
    }


def model_index(facts: ModelFacts) -> list[dict[str, Any]]:
    """Results as Hugging Face reads them, with the 95 % interval in the name."""
    measured = eval_metrics(facts.evaluation)
    metrics = []
    for key, (kind, name) in METRICS.items():
        if key in measured:
            low, high = (measured.get(f"{key}_{end}") for end in ("low", "high"))
            if low is not None:
                name += f" (95 % interval {low} to {high})"
            metrics.append({"type": kind, "value": measured[key], "name": name})
    if not metrics:
        return []
    dataset = {"type": "private", "name": str(facts.found.dataset.get("name", "test section"))}
    task = {"type": "image-to-image", "name": "anomaly detection"}
    return [{"task": task, "dataset": dataset, "metrics": metrics}]
