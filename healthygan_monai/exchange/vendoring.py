"""Put our packages in a bundle, with configs that find them there from any folder."""

import re
import shutil
from pathlib import Path
from typing import Any

import healthygan_monai
from data_prep import datalist

FOLDERS = (Path(healthygan_monai.__file__).parent, Path(datalist.__file__).parents[1])
OURS = tuple(folder.name for folder in FOLDERS)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "bundle", "page")  # page: the viewer
OUR_IMPORT = re.compile(r"^\$import ((?:healthygan_monai|data_prep)[\w.]*) as (\w+)$")
ANY_OF_OURS = re.compile(r"^\$(?:import|from) (?:healthygan_monai|data_prep)\b")

# MONAI resolves every ``$import`` before a bundle's folder is on the path, and a config does not
# know its own place; the workflow that evaluates it does. The zoo and MONAI Label give bundle_root.
WHERE = (
    "$next((str(frame.frame.f_locals['self'].config_root_path.parent) for frame in "
    "inspect.stack(0) if 'config_root_path' in "
    "getattr(frame.frame.f_locals.get('self'), '__dict__', ())), '.')"
)
# pkgutil, since MONAI parses expressions with the word "import" before it replaces @references
MODULE = "$sys.path.insert(0, os.path.abspath(@bundle_root)) or pkgutil.resolve_name({name!r})"
NEEDED = ("os", "sys", "inspect", "pkgutil")


def vendor_packages(bundle: Path) -> None:
    """Copy healthygan_monai and data_prep into a bundle's folder."""
    for source in FOLDERS:
        shutil.copytree(source, bundle / source.name, ignore=LEFT_OUT)


def vendored_config(config: dict[str, Any], name: str = "config") -> dict[str, Any]:
    """Return a config that imports our packages from the bundle's folder, wherever it is run.

    ``$import healthygan_monai.bundle_api as hg`` becomes a key ``hg`` that puts the folder on the
    path first, and ``hg.`` becomes ``@hg.``; our components ask for it with ``_requires_``.

    Raises:
        ValueError: an import of our packages in another form.
    """
    aliases: dict[str, str] = {}
    imports = []
    for line in config.get("imports", []):
        match = OUR_IMPORT.match(line)
        if match:
            aliases[match[2]] = match[1]
        elif ANY_OF_OURS.match(line):
            raise ValueError(f"{name}: {line}: write it as $import MODULE as NAME.")
        else:
            imports.append(line)
    if not aliases:  # an overlay on another config, which has them
        return _pointed(config, {"hg": ""}, None)
    imports += [f"$import {module}" for module in NEEDED if f"$import {module}" not in imports]
    first = next(iter(aliases))
    out: dict[str, Any] = {"imports": imports}
    for key, value in config.items():
        if key == "imports":
            continue
        out[key] = WHERE if key == "bundle_root" else _pointed(value, aliases, first)
        if key == "bundle_root":
            out |= {alias: MODULE.format(name=module) for alias, module in aliases.items()}
    return out


def _pointed(value: Any, aliases: dict[str, str], first: str | None) -> Any:
    """Return a part of a config with every ``hg.`` name pointing to its key."""
    if isinstance(value, dict):
        target = value.get("_target_")
        pointed = {key: _pointed(part, aliases, first) for key, part in value.items()}
        if first and isinstance(target, str) and target.split(".")[0] in OURS:
            pointed["_requires_"] = f"@{first}"
        return pointed
    if isinstance(value, list):
        return [_pointed(part, aliases, first) for part in value]
    if isinstance(value, str) and value.startswith("$"):
        for alias in aliases:
            value = re.sub(rf"(?<![\w.@'\"]){alias}\.", f"@{alias}.", value)
    return value
