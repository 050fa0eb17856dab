"""A bundle of ``export zoo``: its parts, and a program that loads one by its name."""

import json
from pathlib import Path

import torch

from healthygan_monai.integrity.recorded import record_sums

LOAD = """
import os, sys
import monai.bundle, torch
name, parent = sys.argv[1:3]
sys.path[:0] = [os.path.join(parent, name)] if "--path" in sys.argv else []
network = monai.bundle.load(name, bundle_dir=parent, device="cpu")
weights = torch.load(os.path.join(parent, name, "models/model.pt"), weights_only=True)
assert weights.keys() == network.state_dict().keys()
assert all(torch.equal(value, network.state_dict()[name]) for name, value in weights.items())
print("LOADED", os.listdir("."))
"""


def bundle_of(out: Path) -> Path:
    """The bundle's folder in an export for the zoo."""
    (metadata,) = out.glob("*/configs/metadata.json")
    return metadata.parents[1]


def metadata_of(out: Path) -> dict:
    return json.loads((bundle_of(out) / "configs" / "metadata.json").read_text())


def choose_anew(model: Path) -> None:
    """Other weights in the place of these, as ``healthygan select`` puts them."""
    weights = torch.load(model, weights_only=True)
    torch.save({name: value + 1e-3 for name, value in weights.items()}, model)
    record_sums(model.parent)
