"""Write a folder for a pull request to the MONAI Model Zoo."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.exchange.bundle_folder import new_folder, write_model, write_pretty
from healthygan_monai.exchange.model_facts import ModelFacts
from healthygan_monai.exchange.zoo_bundle import (
    PRICE_NOTE,
    format_code,
    require_formatter,
    vendor_reached,
    zoo_card,
    zoo_configs,
    zoo_metadata,
)
from healthygan_monai.paths import METADATA_FILE, bundle_root

LARGEST = 25_000_000  # bytes of one file; CONTRIBUTING.md of the zoo, "Model storage"
LARGE_FILES = "large_files.yml"
TO_UPLOAD = "to_upload"
HASH_TYPE = "sha256"
TESTS = Path(__file__).parent / "zoo_tests"  # run in the zoo's checkout, beside its utils.py
# by task and data, as there
NAMES = {"films": "cxr_anomaly_translation", "brains": "brain_mri_anomaly_translation"}
OTHER_NAME = "anomaly_translation"
IN_TESTS = "healthygan"  # the bundle's name in them
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """The bundle's folder, and files to upload elsewhere."""

    bundle: Path
    to_upload: tuple[Path, ...]


def export_zoo(
    out: Path | str,
    facts: ModelFacts,
    *,
    url: str | None = None,
    version: str | None = None,
    largest: int = LARGEST,
) -> Exported:
    """Write OUT/NAME for the zoo's ``models/``, and OUT/ci/unit_tests for its ``ci/``.

    NAME says task and data: ``cxr_anomaly_translation`` for films. Files over ``largest`` bytes go
    to OUT/to_upload and into large_files.yml, as ``url`` + name.

    Raises:
        NotInstalled: the extra ``zoo`` is missing.
        UsageError: OUT exists and is not empty, or a file is too large and no ``url`` was given.
    """
    require_formatter()
    out, name = Path(out), NAMES.get(facts.kind, OTHER_NAME)
    with new_folder(out) as part:
        bundle = part / name
        bundle.mkdir()
        _build(bundle, facts, version)
        _write_tests(part / "ci" / "unit_tests", name)
        format_code(part)
        large = [p for p in sorted(bundle.rglob("*")) if p.is_file() and p.stat().st_size > largest]
        moved = move_large_files(bundle, large, part / TO_UPLOAD, url)
    return Exported(out / name, tuple(out / TO_UPLOAD / path for path in moved))


def _build(bundle: Path, facts: ModelFacts, version: str | None) -> None:
    configs = zoo_configs(facts)
    if note := configs["train.json"].get(PRICE_NOTE):
        log.warning("%s: %s", facts.weights, note)
    for name, content in configs.items():
        write_pretty(bundle / "configs" / name, content)
    shutil.copyfile(bundle_root() / "configs" / "logging.conf", bundle / "configs" / "logging.conf")
    metadata = zoo_metadata(facts, bundle.name, version)
    write_pretty(bundle / "configs" / METADATA_FILE, metadata)
    write_model(bundle, facts, zoo_card(facts), "what the configs reach of this project's packages")
    vendor_reached(bundle, configs)


def _write_tests(folder: Path, name: str) -> None:
    """Write the zoo's unit tests, under the bundle's name."""
    folder.mkdir(parents=True)
    for path in sorted(TESTS.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        text = text.replace(f"models/{IN_TESTS}", f"models/{name}")
        text = text.replace(f"test_{IN_TESTS}", f"test_{name}")
        (folder / path.name.replace(IN_TESTS, name)).write_text(text, encoding="utf-8")


def move_large_files(
    bundle: Path, large: Sequence[Path], target: Path, url: str | None
) -> list[Path]:
    """Move files out of the bundle, list them in large_files.yml, return their relative paths."""
    if not large:
        return []
    names = [path.relative_to(bundle) for path in large]
    if url is None:
        sizes = ", ".join(f"{n} ({(bundle / n).stat().st_size / 1e6:.0f} MB)" for n in names)
        raise UsageError(
            f"{sizes}: the Model Zoo takes no file over {LARGEST / 1e6:.0f} MB. Say where you will "
            "put it with --url https://HOST/FOLDER (the file's name is added)."
        )
    entries = []
    for name, path in zip(names, large, strict=True):
        entry = {"path": name.as_posix(), "url": f"{url.rstrip('/')}/{path.name}"}
        entries.append({**entry, "hash_val": sha256(path), "hash_type": HASH_TYPE})
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        path.rename(target / name)
    text = yaml.safe_dump({"large_files": entries}, sort_keys=False)
    (bundle / LARGE_FILES).write_text(text, encoding="utf-8")
    return names
