"""Write the card of an exported model: the bundle's card with this model's facts."""

import json
import re
from collections.abc import Mapping
from typing import Any

from healthygan_monai import __version__
from healthygan_monai.exchange.bundle_metadata import data_source, provenance
from healthygan_monai.exchange.model_facts import NOT_EXPORTED, ModelFacts
from healthygan_monai.paths import bundle_root
from healthygan_monai.report.members import member_sentences
from healthygan_monai.report.methods import methods
from healthygan_monai.report.summary import sentences

BLOCK = re.compile(r"<!-- model: (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
NOT_RUN = "not run"
EXTRAS = {  # what our extras install, for a bundle that is not installed
    "pip install 'healthygan-monai[tracking]'": "pip install mlflow",
    "pip install 'healthygan-monai[onnx]'": "pip install onnx onnxscript onnxruntime",
}
COMMAND = re.compile(
    r"(?<![\w-])healthygan (?=(?:prep|train|infer|evaluate|demo|bundle-path|export)\b)"
)


DELIVERED = {
    "code": "The code is in this bundle: the packages `healthygan_monai` and `data_prep`, version "
    f"{__version__}. Nothing of it has to be installed.\n",
    "place": "In the bundle's folder. The configs also run from any other folder, if their path is "
    "given.\n",
}


def card(facts: ModelFacts) -> str:
    """Return docs/README.md for a model in a bundle that contains our packages."""
    text = filled(facts, DELIVERED)
    for extra, plain in {
        **EXTRAS,
        "bundle/configs/": "configs/",
        "bundle/models/": "models/",
    }.items():
        text = text.replace(extra, plain)
    return COMMAND.sub("python -m healthygan_monai ", text)


def filled(facts: ModelFacts, delivered: Mapping[str, str]) -> str:
    """Return the bundle's card about a model; ``delivered`` replaces blocks about the delivery."""
    text = (bundle_root() / "docs" / "README.md").read_text(encoding="utf-8")
    return BLOCK.sub(
        lambda block: delivered.get(block[1]) or _block(block[1], block[2], facts), text
    )


def _block(name: str, shipped: str, facts: ModelFacts) -> str:
    """Return one block about the model; one about the delivery as it is."""
    if facts.of_bundle:
        return shipped
    written = {
        "data": _data,
        "preprocessing": _preprocessing,
        "settings": _settings,
        "tensors": _tensors,
        "performance": _performance,
        "limits": _limits,
    }
    return written[name](facts) if name in written else shipped


def _data(facts: ModelFacts) -> str:
    """Return what the model learned from, as far as its run and data set say."""
    found = facts.found
    lines = [f"The weights are those of {provenance(facts)}.\n"]
    if found.dataset:
        lines.append(f"Data: {data_source(facts)}.\n")
    paragraphs, _ = methods(found) if found.dataset and found.config else ([], [])
    if paragraphs:
        lines.append(paragraphs[0] + "\n")
    if found.unfinished:
        done, asked = found.iterations
        lines.append(f"**Training has not finished:** {done:,} of {asked:,} iterations are done.\n")
    lines.append("Conditions of use of the data: `docs/data_license.txt`.\n")
    return "\n".join(lines)


def _preprocessing(facts: ModelFacts) -> str:
    """Return the recipe of the training images, from their dataset.json."""
    recipe = (facts.found.dataset.get("generated_by") or {}).get("recipe") or {}
    text = "Once, before training: not recorded.\n"
    if recipe:
        parts = [f"`{key}` {json.dumps(value)}" for key, value in recipe.items() if value != {}]
        command = f"healthygan prep {recipe.get('kind', '')}"
        text = f"Once, before training, by `data_prep` (`{command}`): {'; '.join(parts)}.\n"
    return (
        f"{text}\nAt run time: grey levels to [-1, 1] (black is -1), resize if the size differs.\n"
    )


def _tensors(facts: ModelFacts) -> str:
    channels, members = facts.sizes["image_channels"], facts.sizes.get("members", 1)
    drawn = f"{channels + 1} channels: the intermediate image ({channels}) in [-1, 1] and the mask "
    drawn += "in [0, 1]"
    if facts.translation != "masked":
        drawn = f"{channels} channel{'s' * (channels > 1)}: the change of the image, in [-2, 2]"
    mean = f", the mean of {members} generators" if members > 1 else ""
    return (
        f"**Input of the network:** {_input(facts)}, in [-1, 1]; both sides divisible by 4.\n\n"
        f"**Output of the network:** {drawn}{mean}. After post-processing (`inference.json`): "
        "`healthy`, `mask`, `difference`, and the score.\n"
    )


def _settings(facts: ModelFacts) -> str:
    rows = [f"| {k} | {v} |" for k, v in facts.settings.items() if k not in NOT_EXPORTED]
    if rows and (done := facts.found.iterations[0]):
        rows.append(f"| iterations done | {done} |")
    if not rows:
        return f"Settings of the training: not recorded. Input: {_input(facts)}.\n"
    return "\n".join(["| setting | value |", "|---|---|", *rows]) + "\n"


def _input(facts: ModelFacts) -> str:
    side, channels = facts.image_size, facts.sizes["image_channels"]
    return f"{channels} channel{'s' * (channels > 1)}, {side} x {side}"


def _performance(facts: ModelFacts) -> str:
    """Return what was measured of these weights, with intervals; else "not run"."""
    if not facts.evaluation:
        return f"Evaluation of these weights: {NOT_RUN}.\n"
    found = facts.evaluation
    texts = [*sentences(found), *member_sentences(found), *_probes(found)]
    words = [f"- {text}" for text in texts]
    name = facts.found.dataset.get("name", "the data set of the training")
    return f"On the test section of {name}:\n\n" + "\n".join(words) + "\n"


def _probes(evaluation: Mapping[str, Any]) -> list[str]:
    """Return what models that see no anatomy reach on the same images."""
    probes = [p for p in evaluation.get("probes") or [] if p["auc"] is not None]
    if not probes:
        return [f"Trivial probes on the same images: {NOT_RUN}."]
    reached = ", ".join(f"{p['name']} {p['auc']:.2f}" for p in probes)
    return [f"AUCs by image of trivial probes on the validation and test images: {reached}."]


def _limits(facts: ModelFacts) -> str:
    name = facts.found.dataset.get("name", "its own training data")
    return f"- Trained on {name}. On images of other devices, places or preparations: {NOT_RUN}.\n"


def data_licence(facts: ModelFacts) -> str:
    """Return docs/data_license.txt: the terms of the data that the model was trained on."""
    if facts.of_bundle:
        return (bundle_root() / "docs" / "data_license.txt").read_text(encoding="utf-8")
    dataset = facts.found.dataset
    licence = dataset.get("licence") or (
        "not recorded in dataset.json. Before you share these weights, find out whether the terms "
        "of the images allow it, and write them here."
    )
    name = dataset.get("name", "data that are not recorded")
    return f"""Data licence

The weights of this bundle (models/model.pt) were trained on: {name}.
Licence of these data: {licence}

No image comes with this bundle. If you train it on other images, follow the licence of those images
and the rules for patients' data.
"""
