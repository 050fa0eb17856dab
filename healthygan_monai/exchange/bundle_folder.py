"""Build a self-contained bundle folder with one model, for the Model Zoo or Hugging Face."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data_prep.errors import UsageError
from data_prep.files import naming, read_json, whole, write_json
from healthygan_monai import __version__
from healthygan_monai.exchange.bundle_metadata import data_source, metadata_for, provenance
from healthygan_monai.exchange.model_card import card, data_licence
from healthygan_monai.exchange.model_facts import ModelFacts
from healthygan_monai.exchange.vendoring import vendor_packages, vendored_config
from healthygan_monai.paths import CONFIG_FILE, METADATA_FILE, MODEL_FILE, SERVING_FILE, bundle_root
from healthygan_monai.serving.describe import description_if_known

BUNDLE_NAME = "healthygan"


def write_pretty(path: Path, content: Any) -> None:
    """Write JSON as the Model Zoo's pre-commit formats it: four spaces, ASCII, one newline."""
    write_json(path, content, indent=4, default=None)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder that becomes ``out`` on success; raise UsageError unless that is new."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty; give a new folder.")
    with naming(out), whole(out, same_name=True) as part:
        part.mkdir()
        yield part
        if out.exists():
            out.rmdir()


def build_bundle(folder: Path, facts: ModelFacts, version: str | None = None) -> dict[str, Any]:
    """Write the bundle of a model into a new folder; return its metadata.

    It holds configs, docs, models/model.pt with its settings, LICENSE, NOTICE and our two packages,
    so that this project need not be installed.
    """
    source = bundle_root()
    configs = source / "configs"
    for path in sorted(configs.glob("*.json")):
        if path.name == METADATA_FILE:
            continue
        content = vendored_config(read_json(path), path.name)
        if path.name == "train.json" and not facts.of_bundle:
            content |= _network_of(facts, content["generator_def"])
        write_pretty(folder / "configs" / path.name, content)
    shutil.copyfile(configs / "logging.conf", folder / "configs" / "logging.conf")
    metadata = metadata_for(facts, version)
    write_pretty(folder / "configs" / METADATA_FILE, metadata)
    write_model(folder, facts, card(facts), "packages of this project, unchanged")
    vendor_packages(folder)
    return metadata


def write_model(folder: Path, facts: ModelFacts, readme: str, packages: str) -> None:
    """Write LICENSE, NOTICE, docs and models/ of a bundle; ``packages`` says what it vendors."""
    source = bundle_root()
    shutil.copyfile(source / "LICENSE", folder / "LICENSE")
    (folder / "NOTICE").write_text(notice(facts, packages), encoding="utf-8")
    docs, models = folder / "docs", folder / "models"
    docs.mkdir()
    (docs / "README.md").write_text(readme, encoding="utf-8")
    (docs / "data_license.txt").write_text(data_licence(facts), encoding="utf-8")
    models.mkdir()
    shutil.copyfile(facts.weights, models / MODEL_FILE)  # byte by byte: the card names its hash
    if serving := description_if_known(facts.weights):
        write_pretty(models / SERVING_FILE, serving)
    if facts.settings:
        settings = {**facts.settings, "weights_sha256": facts.sha256}
        write_pretty(models / CONFIG_FILE, settings)


def _network_of(facts: ModelFacts, network: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of train.json that give the model's network."""
    sizes = facts.sizes
    keys = {
        "image_channels": sizes["image_channels"],
        "generator_channels": sizes["channels"],
        "generator_blocks": sizes["blocks"],
    }
    keys |= {key: sizes[key] for key in ("translation", "mirrored") if key in sizes}
    if "members" in sizes:
        keys["generator_def"] = {**network, "members": sizes["members"]}
    return keys


def notice(facts: ModelFacts, packages: str) -> str:
    """Return what the bundle contains, and under which licence."""
    where = f"a run on {data_source(facts)}" if facts.of_bundle else provenance(facts)
    return f"""HealthyGAN for MONAI
Copyright (c) the HealthyGAN for MONAI contributors
Licensed under the Apache License, Version 2.0 (LICENSE).

Built in:
- healthygan_monai/ and data_prep/, version {__version__}: {packages}.
- models/model.pt: weights of {where}. Conditions of their data: docs/data_license.txt.

Not built in: the code of the authors' own implementation and of any other project. The packages
that the bundle needs (configs/metadata.json) are installed apart and keep their own licences.
"""
