"""The sidecar images/<subject>/<session>.json: what is up to date and need not be prepared again.

It remembers recipe, images and facts, so that a second run keeps an image whose file, settings and
pixels are the same as before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from data_prep.files import feed, read_json, sha256, write_json
from data_prep.outcome import DIGEST, Outcome, WrittenImage
from data_prep.settings import Settings
from data_prep.source import Source


def fingerprint(source: Source, settings: Settings) -> str:
    """HMAC-SHA256 over the settings that decide the pixels and the bytes of the input and its mask,
    and its boxes.

    Keyed like the pseudonyms, so that nobody without the key can tell whether a known file is in.
    """
    total = hmac.new(settings.salt, digestmod=hashlib.sha256)
    total.update(json.dumps([settings.recipe(), source.series], sort_keys=True).encode())
    if source.boxes:
        total.update(json.dumps([box.to_json() for box in source.boxes]).encode())
    parts: list[Source] = [source]
    if source.kind == "series" and source.member is None:
        parts = [replace(source, kind="dicom", path=path) for path in source.files()]
    elif source.kind == "series":
        parts = [replace(source, kind="dicom", member=name) for name in source.members()]
    for part in parts:
        total.update(b"\0")
        if part.member is not None or settings.kind == "films":
            total.update(part.data())
        else:
            feed(total, part.path)
    for path in [*([source.mask] if source.mask else []), *_further_inputs(source, settings)]:
        total.update(b"\0")
        feed(total, path)
    return total.hexdigest()


def _further_inputs(source: Source, settings: Settings) -> list[Path]:
    if settings.kind != "brains":
        return []
    from data_prep.brain.prepare import further_inputs

    return further_inputs(source, settings)


def keyed_digest(facts: dict[str, Any], salt: bytes) -> dict[str, Any]:
    """The digest of the pixel data in a form that tells nothing without the key."""
    if DIGEST not in facts:
        return {}
    text = json.dumps(facts[DIGEST]).encode()
    return {DIGEST: hmac.new(salt, text, hashlib.sha256).hexdigest()[:32]}


def kept_from_before(
    source: Source, sidecar: Path, recipe: str, settings: Settings
) -> Outcome | None:
    if settings.existing != "skip" or not sidecar.is_file():
        return None
    try:
        content: dict[str, Any] = read_json(sidecar)
        images = tuple(WrittenImage(**image) for image in content["images"])
        facts = content["facts"]
    except (ValueError, KeyError, TypeError):
        return None
    if content.get("recipe") != recipe or not images:
        return None
    if content.get("files") != _hashes(images, settings.output):
        return None  # gone, or changed, or never whole because the power went
    return Outcome("kept", source.shown, images=images, details=facts)


def _hashes(images: Iterable[WrittenImage], output: Path) -> dict[str, str]:
    """Path below OUTPUT -> SHA-256 of the picture there; what is not there is left out."""
    hashes = {}
    for name in (name for image in images for name in (image.image, image.mask) if name):
        try:
            hashes[name] = sha256(output / name)
        except OSError:
            continue
    return hashes


def write_sidecar(sidecar: Path, recipe: str, result: Outcome, output: Path) -> None:
    content = {
        "recipe": recipe,
        "files": _hashes(result.images, output),
        "images": [asdict(image) for image in result.images],
        "facts": result.details,
    }
    write_json(sidecar, content, indent=1, default=None)
