"""Which keys of a config something reads, told without PyTorch and MONAI."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from data_prep.errors import nearest
from data_prep.files import read_json
from healthygan_monai.config.ranges import wrong_settings
from healthygan_monai.errors import ConfigError
from healthygan_monai.paths import bundle_root

MONAI_KEYS = {
    "_meta_",
    "imports",
    "initialize",
    "run",
    "training",
    "evaluating",
    "inferring",
    "finalize",
}
UNKNOWN = "unknown config key"
REFERENCE = re.compile(r"@(\w+)")


def refuse_overrides(config: str, overrides: Mapping[str, Any]) -> None:
    """Refuse what a command sets before anything slow is loaded; the workflow looks at the rest.

    config: name of the bundle's file that the overrides are for.

    Raises:
        ConfigError: names every unknown key with the nearest known one, and every wrong value.
    """
    shipped = read_json(bundle_root() / "configs" / config)
    whole = {key: value for key, value in overrides.items() if "#" not in key}
    refuse([*unknown_keys(whole, shipped), *wrong_settings(whole)], shipped)


def unknown_keys(config: Mapping[str, Any], shipped: Iterable[str]) -> Iterator[str]:
    """Return a sentence for each key that is neither shipped nor MONAI's nor referred to."""
    known = {*shipped, *MONAI_KEYS, *REFERENCE.findall(json.dumps(config, default=str))}
    yield from (unknown(key, known) for key in config if key.lstrip("+") not in known)


def unknown(key: str, known: Iterable[str]) -> str:
    """Return that a key is unknown, and the nearest known one."""
    return f"{UNKNOWN} {key!r}{nearest(key, known)}"


def refuse(problems: Iterable[str], shipped: Iterable[str]) -> None:
    """Raise ConfigError where there are problems; of a training it names the list of all keys."""
    found = list(problems)
    if found:
        slip = "plan" in shipped and any(text.startswith(UNKNOWN) for text in found)
        raise ConfigError("; ".join(found) + " (all: healthygan keys)" * slip)
