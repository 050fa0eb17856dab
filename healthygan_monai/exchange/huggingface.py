"""Write the bundle as a Hugging Face model repository, its card with front matter.

The layout is the MONAI organisation's: the bundle's folders and README.md at the root, weights of
any size in place, so that ``monai.bundle.download(source="huggingface_hub")`` fetches it.
"""

from pathlib import Path
from typing import Any

import yaml

from healthygan_monai.exchange.bundle_folder import BUNDLE_NAME, build_bundle, new_folder
from healthygan_monai.exchange.bundle_metadata import eval_metrics
from healthygan_monai.exchange.model_facts import ModelFacts

TAGS = ("monai", "medical", "anomaly-detection", "gan", "image-to-image")
MODALITY_TAGS = {"films": ("chest-x-ray",), "brains": ("brain-mri",)}
LICENCE = {  # the terms of the weights depend on their data, unlike those of the code
    "license": "other",
    "license_name": "code-apache-2.0-weights-by-their-data",
    "license_link": "docs/data_license.txt",
}
METRICS = {  # key of eval_metrics: (type, name)
    "image_auc": ("roc_auc", "AUC by image"),
    "subject_auc": ("roc_auc", "AUC by subject"),
    "image_average_precision": ("average_precision", "average precision by image"),
}


def export_huggingface(out: Path | str, facts: ModelFacts, version: str | None = None) -> Path:
    """Write OUT/healthygan for ``hf upload ORGANISATION/healthygan``; return that folder."""
    out = Path(out)
    with new_folder(out) as part:
        bundle = part / BUNDLE_NAME
        bundle.mkdir()
        metadata = build_bundle(bundle, facts, version)
        text = (bundle / "docs" / "README.md").read_text(encoding="utf-8")
        (bundle / "README.md").write_text(front_matter(facts, metadata) + text, encoding="utf-8")
    return out / BUNDLE_NAME


def front_matter(facts: ModelFacts, metadata: dict[str, Any]) -> str:
    """Return the YAML head of the card; results only if these weights were evaluated."""
    head: dict[str, Any] = {
        **LICENCE,
        "library_name": "monai",
        "pipeline_tag": "image-to-image",
        "tags": [*TAGS, *MODALITY_TAGS.get(facts.kind, ())],
    }
    results = model_index(facts)
    if results:
        head["model-index"] = [{"name": metadata["name"], "results": results}]
    return "---\n" + yaml.safe_dump(head, sort_keys=False, allow_unicode=True) + "---\n"


def model_index(facts: ModelFacts) -> list[dict[str, Any]]:
    """Return results as Hugging Face reads them, with the 95 % interval in the name."""
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
