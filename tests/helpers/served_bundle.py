"""A bundle as MONAI Label reads it, in this process: its order of steps without its server."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from places import CONFIGS

from healthygan_monai.serving.describe import describe, write_description


def bundle_of(folder: Path, run: Path | None) -> Path:
    """A bundle's folder with the model of a run and what serving.json says of it."""
    bundle = folder / "bundle"
    shutil.copytree(CONFIGS, bundle / "configs")
    (bundle / "models").mkdir()
    if run is not None:
        for name in ("model.pt", "config.json", "run.json"):
            shutil.copy(run / name, bundle / "models" / name)
        content = describe(run / "model.pt", quantile=0.9)
        write_description(content, bundle / "models")
    return bundle


def ask(bundle: Path, image: Path | str, **params: Any) -> dict[str, Any]:
    """What MONAI Label 0.8.5 (bundle.py, basic_infer.py) does with a request, up to its writer."""
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    parser.config["bundle_root"] = str(bundle)
    network = parser.get_parsed_content("network_def")
    options = parser.get_parsed_content("displayable_configs")
    data = {"image": str(image), "model_filename": ["model.pt"], **options, **params}
    parser["displayable_configs"].update({name: data[name] for name in options})
    parser.parse()
    for transform in last_of(parser, "preprocessing", "pre_transforms"):
        data = transform(data)
    with torch.no_grad():
        data["pred"] = parser.get_parsed_content("inferer")(data["image"][None], network)[0]
    for transform in last_of(parser, "postprocessing", "post_transforms"):
        if type(transform).__name__ != "SaveImaged":
            data = transform(data)
    return data


def last_of(parser: ConfigParser, *keys: str) -> Sequence[Any]:
    """The transforms of the last key that there is, after those of all were made."""
    return [parser.get_parsed_content(key) for key in keys if parser.get(key)][-1].transforms


def head(shape: tuple[int, int, int] = (14, 18, 12)) -> np.ndarray:
    """An RAS+ array (R, A, S): a box of head in air, unlike under every flip; two marked voxels."""
    data = np.zeros(shape, np.float32)
    r, a, s = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    inside = np.all([(i >= 2) & (i < n - 2) for i, n in zip((r, a, s), shape, strict=True)], 0)
    data[inside] = (40 + 2 * r + a + 3 * s)[inside]
    data[6, 11, 6], data[7, 7, 5] = 200, 0  # both in the core, which grey levels are of
    return data
