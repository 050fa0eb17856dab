"""Read a file of weights: its own checksums, and the SHA-256 that was recorded of it."""

import logging
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import torch

from data_prep.files import sha256
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.recorded import ACCEPT, recorded_sha256
from healthygan_monai.paths import CRITIC_FILE, MODEL_FILE, RUN_FILE

logger = logging.getLogger(__name__)
# of zipfile; places outside of the file are an OSError, names that are no text a ValueError
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


def read_weights(path: Path, *, accept_changed: bool = False) -> Any:
    """Return what a file of tensors and plain values holds, on the CPU; nothing in it is run.

    As :func:`read_tensors`; then the file is compared with the SHA-256 that a run's run.json, or a
    bundle's serving.json, has of it.

    Args:
        path: a .pt file.
        accept_changed: whether a file that fails these comparisons is read all the same.

    Raises:
        ModelError: no such content, a damaged file, or another one than recorded.
    """
    content = read_tensors(path, accept_changed)
    _compare(path, accept_changed)
    return content


def read_tensors(path: Path, accept_damaged: bool = False) -> Any:
    """Return what a file of tensors and plain values holds, on the CPU; nothing in it is run.

    PyTorch compares no checksum of the archive that such a file is, so that is done here.

    Raises:
        ModelError: no such content, or a damaged file.
    """
    damaged = damaged_part(path)
    if damaged and not accept_damaged:
        raise ModelError(f"{path}: damaged; {damaged}. Copy it again.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # its reader raises many kinds: EOFError, UnpicklingError, ...
        raise ModelError(f"{path}: not a file of weights that PyTorch can read safely.") from error
    if damaged:
        logger.warning("%s: %s; read because of %s", path, damaged, ACCEPT)
    return content


def damaged_part(path: Path) -> str | None:
    """Return what is damaged in a ZIP archive, in words; None for a whole one, or another file."""
    with path.open("rb") as file:  # which says itself what is wrong with the file, not its content
        try:
            if not zipfile.is_zipfile(file):
                return None
            with zipfile.ZipFile(file) as archive:
                part = archive.testzip()
        except DAMAGE as error:
            return f"it is no whole ZIP archive ({type(error).__name__})"
    return None if part is None else f"the checksum of {part!a} in it does not fit"


def require_whole(path: Path) -> None:
    """Refuse an archive of which a checksum does not fit.

    Raises:
        ModelError: names the part.
    """
    if damaged := damaged_part(path):
        raise ModelError(f"{path}: damaged; {damaged}. Copy it again.")


def _compare(path: Path, accept_changed: bool) -> None:
    if path.name not in (MODEL_FILE, CRITIC_FILE):
        return  # a checkpoint, of which its archive's checksums are all that is known
    where, recorded = recorded_sha256(path)
    if recorded is None:
        if where == RUN_FILE:
            _say_unrecorded(path)
        return
    found = sha256(path)
    if found == recorded:
        return
    changed = (
        f"{path}: changed since it was written: its SHA-256 is {found[:12]}..., and {where} beside "
        f"it has {recorded[:12]}..."
    )
    if not accept_changed:
        raise ModelError(
            f"{changed} Copy the folder again. If you changed the weights yourself: {ACCEPT}."
        )
    logger.warning("%s Read because of %s.", changed, ACCEPT)


@cache
def _say_unrecorded(path: Path) -> None:
    logger.warning(
        "%s: %s beside it has no SHA-256 of it (written by an older version, or training has not "
        "ended), so a change since then would not be noticed",
        path,
        RUN_FILE,
    )
