"""Write a folder for a pull request to the MONAI Model Zoo."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.exchange.bundle_folder import BUNDLE_NAME, build_bundle, new_folder
from healthygan_monai.exchange.model_facts import ModelFacts

LARGEST = 25_000_000  # bytes of one file; CONTRIBUTING.md of the zoo, "Model storage"
LARGE_FILES = "large_files.yml"
TO_UPLOAD = "to_upload"
HASH_TYPE = "sha256"
TESTS = Path(__file__).parent / "zoo_tests"  # run in the zoo's checkout, beside its utils.py


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
    """Write OUT/healthygan for the zoo's ``models/``, and OUT/ci/unit_tests for its ``ci/``.

    Files over ``largest`` bytes go to OUT/to_upload and into large_files.yml, as ``url`` + name.

    Raises:
        UsageError: OUT exists and is not empty, or a file is too large and no ``url`` was given.
    """
    out = Path(out)
    with new_folder(out) as part:
        bundle = part / BUNDLE_NAME
        bundle.mkdir()
        build_bundle(bundle, facts, version)
        large = [p for p in sorted(bundle.rglob("*")) if p.is_file() and p.stat().st_size > largest]
        moved = move_large_files(bundle, large, part / TO_UPLOAD, url)
        shutil.copytree(
            TESTS, part / "ci" / "unit_tests", ignore=shutil.ignore_patterns("__pycache__")
        )
    return Exported(out / BUNDLE_NAME, tuple(out / TO_UPLOAD / path for path in moved))


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
