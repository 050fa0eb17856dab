"""Verify a packed run as a whole, then make a run folder of it; its content is data only."""

import hashlib
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

from healthygan_monai.errors import ModelError
from healthygan_monai.exchange.bundle_folder import new_folder
from healthygan_monai.exchange.share.contents import (
    LEFT_OUT,
    MANIFEST,
    MOST_BYTES,
    NEEDED,
    RECORD,
    require_packed,
    without_folders,
)
from healthygan_monai.integrity.recorded import KEYS
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.paths import (
    CONFIG_FILE,
    EVALUATION_FILE,
    PRICES_FILE,
    RUN_FILE,
    SERVING_FILE,
    read_config,
    read_evaluation,
    read_run,
    read_serving,
)
from healthygan_monai.pretrained.trials import read_trials, write_trials
from healthygan_monai.records.schema import read

READERS = {
    CONFIG_FILE: read_config,
    RUN_FILE: read_run,
    SERVING_FILE: read_serving,
    EVALUATION_FILE: read_evaluation,
}
AGAIN = "Copy the file again, or ask who packed it."
ENCRYPTED = 0x1  # general purpose bit 0, APPNOTE 4.4.4
# of zipfile, of a damaged archive
DAMAGE = (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError)


def unpack(file: Path, folder: Path) -> dict[str, Any]:
    """Make a new run folder of a packed run; return its run.json.

    All is verified in a folder beside the new one, which gets its name at the end.

    Raises:
        NoModel: no such file.
        ModelError: it is no packed run, damaged, changed, or holds what ``pack`` never writes.
        UsageError: the folder is there and not empty.
    """
    require_packed(file)
    with new_folder(folder) as part:
        try:
            _extract(file, part)
            run = _verify(file, part)
        except ModelError as error:  # not of a folder that is gone when this is read
            raise ModelError(str(error).replace(f"{part}{os.sep}", f"{file}: ")) from None
        (part / MANIFEST).unlink()
    return run


def _extract(file: Path, part: Path) -> None:
    """Write the files into a folder, each as long as the manifest says and no longer.

    Nothing is compressed, so the folder is never larger than the file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = _names(file, archive)
            if archive.getinfo(MANIFEST).file_size > MOST_BYTES[MANIFEST]:
                raise ModelError(f"{file}: {MANIFEST} is too large. {AGAIN}")
            _copy(file, archive, MANIFEST, part, MOST_BYTES[MANIFEST])
            listed = read(part / MANIFEST, RECORD)["files"]
            if set(listed) != names - {MANIFEST}:
                raise ModelError(f"{file}: its files are not those of its {MANIFEST}. {AGAIN}")
            for name, entry in listed.items():
                if entry["bytes"] > MOST_BYTES[name]:
                    raise ModelError(f"{file}: {name} is too large. {AGAIN}")
                if archive.getinfo(name).file_size != entry["bytes"]:
                    raise ModelError(f"{file}: {name} has not the size in {MANIFEST}. {AGAIN}")
            for name, entry in listed.items():
                if _copy(file, archive, name, part, entry["bytes"]) != entry["sha256"]:
                    raise ModelError(f"{file}: {name} was changed since it was packed. {AGAIN}")
    except ModelError:
        raise
    except DAMAGE as error:
        raise ModelError(
            f"{file}: damaged, or no packed run ({type(error).__name__}). {AGAIN}"
        ) from None


def _names(file: Path, archive: zipfile.ZipFile) -> set[str]:
    """The names in an archive; refuses all but plain files of known names, each once."""
    names = [entry.filename for entry in archive.infolist()]
    if len(set(names)) < len(names):
        raise ModelError(f"{file}: two of its files have one name. {AGAIN}")
    unknown = set(names) - set(MOST_BYTES)
    if unknown:
        raise ModelError(f"{file}: {len(unknown)} of its files are of no packed run. {AGAIN}")
    missing = [name for name in (MANIFEST, *NEEDED) if name not in names]
    if missing:
        raise ModelError(f"{file}: it lacks {', '.join(missing)}. {AGAIN}")
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & ENCRYPTED:
            raise ModelError(f"{file}: {entry.filename} is no plain file. {AGAIN}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise ModelError(
                f"{file}: {entry.filename} is compressed; pack compresses nothing. {AGAIN}"
            )
    # entries that share bytes would make a small file a large folder
    if sum(entry.file_size for entry in archive.infolist()) > file.stat().st_size:
        raise ModelError(f"{file}: its files are larger than itself. {AGAIN}")
    return set(names)


def _copy(file: Path, archive: zipfile.ZipFile, name: str, part: Path, most: int) -> str:
    """Write one file of at most so many bytes; return its SHA-256."""
    digest, left = hashlib.sha256(), most
    with archive.open(name) as source, (part / name).open("xb") as target:
        while block := source.read(min(1 << 20, left + 1)):
            left -= len(block)
            if left < 0:  # what the archive's directory claims is not to be trusted
                raise ModelError(f"{file}: {name} is larger than it may be. {AGAIN}")
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def _verify(file: Path, part: Path) -> dict[str, Any]:
    """Refuse texts of another kind, paths in them, and weights of another SHA-256."""
    for name, reader in READERS.items():
        if (part / name).is_file():
            content = reader(part)
            if without_folders(content) != content or set(LEFT_OUT) & set(content):
                raise ModelError(f"{file}: {name} holds a path, which pack never writes. {AGAIN}")
    _verify_prices(file, part)
    run = read_run(part)
    for name, key in KEYS.items():
        if (part / name).is_file():
            if key not in run:
                raise ModelError(f"{file}: {RUN_FILE} has no SHA-256 of {name}. {AGAIN}")
            read_weights(part / name)
    return run


def _verify_prices(file: Path, part: Path) -> None:
    """Refuse a prices.csv that holds anything but the trials that ``pack`` writes."""
    path = part / PRICES_FILE
    if not path.is_file():
        return
    given = path.read_bytes()
    try:
        write_trials(part, read_trials(part))
        same = path.read_bytes() == given
    except ValueError:  # damaged, or numbers that are none
        same = False
    if not same:
        raise ModelError(f"{file}: {PRICES_FILE} is not as pack writes it. {AGAIN}")
