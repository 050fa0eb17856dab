"""images/<subject>/<session>.json: recipe, images and facts, so unchanged inputs are kept."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_prep.brain.extraction import own_mask
from data_prep.brain.recipe import BrainRecipe
from data_prep.files import feed, read_json, sha256, write_json
from data_prep.film.recipe import FilmRecipe
from data_prep.outcome import DIGEST, Outcome, WrittenImage
from data_prep.read.volume.volume import VolumeError
from data_prep.source import Source


def fingerprint(source: Source, recipe: FilmRecipe | BrainRecipe, salt: bytes) -> str:
    """HMAC-SHA256 over recipe, input, masks and their label, boxes; nobody tests for a file without
    the key.
    """
    total = hmac.new(salt, digestmod=hashlib.sha256)
    total.update(json.dumps(recipe.record(), sort_keys=True).encode())
    truth = source.truth
    if truth.boxes:
        total.update(json.dumps([box.to_json() for box in truth.boxes]).encode())
    for part in source.pieces():
        total.update(b"\0")
        if part.member is not None or isinstance(recipe, FilmRecipe):
            total.update(part.data())
        else:
            feed(total, part.path)
    if truth.mask is not None:
        total.update(f"label {truth.label}".encode())  # they must agree
    for path in (truth.mask, truth.must_be_empty, _brain_mask(source, recipe)):
        if path is not None:
            total.update(b"\0")
            feed(total, path)
    return total.hexdigest()


def _brain_mask(source: Source, recipe: FilmRecipe | BrainRecipe) -> Path | None:
    """Return the user's own brain mask; the recipe has a template's checksum already."""
    if isinstance(recipe, FilmRecipe):
        return None
    try:
        return own_mask(recipe.options.brain, source.name)
    except VolumeError:
        return None  # the preparation will say so


def keyed_digest(facts: dict[str, Any], salt: bytes) -> dict[str, Any]:
    """The digest of the pixel data in a form that tells nothing without the key."""
    if DIGEST not in facts:
        return {}
    text = json.dumps(facts[DIGEST]).encode()
    return {DIGEST: hmac.new(salt, text, hashlib.sha256).hexdigest()[:32]}


def kept_from_before(source: Source, sidecar: Path, recipe: str, output: Path) -> Outcome | None:
    """The outcome of an earlier run, where recipe (a fingerprint) and pictures are the same."""
    if not sidecar.is_file():
        return None
    try:
        content: dict[str, Any] = read_json(sidecar)
        images = tuple(WrittenImage(**image) for image in content["images"])
        facts = content["facts"]
    except (ValueError, KeyError, TypeError):
        return None
    if content.get("recipe") != recipe or not images:
        return None
    if content.get("files") != _hashes(images, output):
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
