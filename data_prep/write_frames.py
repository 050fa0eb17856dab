"""One input to disk: images/<subject>/<session>_<index>.png, masks and quality strips."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from data_prep.brain import extraction, quality
from data_prep.brain.chain import Head
from data_prep.brain.place import Place, place_of
from data_prep.brain.prepare import correct, cut
from data_prep.brain.quality_strip import strip
from data_prep.brain.recipe import BrainRecipe
from data_prep.brain.way import WayToScan
from data_prep.errors import PrepError
from data_prep.files import whole
from data_prep.film.choice import require_view
from data_prep.film.picture import read_mask_picture
from data_prep.film.prepare import MOST_OF_A_MASK, prepare
from data_prep.film.recipe import FilmRecipe
from data_prep.film.set_aside import SetAside
from data_prep.frame import png
from data_prep.frame.frame import Frame
from data_prep.frame.seen import FOLDER, Seen, save_images
from data_prep.outcome import DIGEST, Outcome, WrittenImage
from data_prep.output import review
from data_prep.read.volume import bids, scan_facts
from data_prep.read.volume.open_volume import read_mask, read_volume
from data_prep.read.volume.volume import OtherImage, VolumeError, no_magnitude, volume_digest
from data_prep.source import Source

HEAD_NOTE = "the lesion mask marks more than half of the scan: is it inverted, or no mask?"
EMPTY_NOTE = "label 1, but the lesion mask is empty, or empty in the frame"


def write_film(
    source: Source, recipe: FilmRecipe, output: Path | None, keep_seen: bool = False
) -> Outcome:
    """Write a film's frames once all are read (PrepError: none is); output None: a dry run.

    A film set aside for likely text leaves its pictures for `healthygan review`.
    """
    data, truth = source.data(), source.truth
    drawn = mask.read_bytes() if (mask := truth.mask or truth.must_be_empty) else None
    cleared = source.cleared == "" or (bool(source.cleared) and source.cleared == _digest(data))
    if source.view:
        require_view(source.view, recipe.options)
    try:
        found = prepare(
            data, recipe, mask=drawn, boxes=truth.boxes, cleared=cleared, shown=keep_seen
        )
        frames = list(found)
        if drawn is not None and (truth.label == 0 or truth.must_be_empty is not None):
            _require_unmarked(read_mask_picture(drawn))  # whole: framing may cut a lesion off
    except SetAside as error:
        error.facts = {
            **error.facts,
            review.SET_ASIDE: review.keep(error.looks, _digest(data), output),
        }
        raise
    facts, digests = frames[0].facts, [frame.facts[DIGEST] for frame in frames]
    if truth.must_be_empty is not None:
        frames = [replace(frame, mask=None) for frame in frames]
    elif drawn is not None:
        facts = _with_notes(facts, _agreement(truth.label, frames))
    if len(digests) > 1:
        facts = {**facts, DIGEST: digests}
    images = _stored(frames, source, output)
    seen: tuple[Seen, ...] = ()
    if keep_seen and output is not None:
        seen = tuple(_seen_film(frame, source, output) for frame in frames)
    return Outcome("written", source.shown, images=images, details=facts, seen=seen)


def _agreement(label: int | None, frames: Iterable[Frame]) -> list[str]:
    """Return a note where the masks of a diseased image have nothing of a disease."""
    seen = any(frame.mask.any() for frame in frames if frame.mask is not None)
    return [EMPTY_NOTE] if label == 1 and not seen else []


def _require_unmarked(mask: np.ndarray) -> None:
    """Raise PrepError where the mask of a healthy image marks a lesion."""
    if mask.any():
        raise PrepError(
            "healthy by its label, group or section, but its mask marks a lesion",
            remedy="Correct the table or the mask.",
        )


def _with_notes(facts: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    return {**facts, "notes": [*facts.get("notes", ()), *notes]} if notes else facts


def _seen_film(frame: Frame, source: Source, output: Path) -> Seen:
    name = f"{FOLDER}/{source.who.subject}/{source.who.session}_{frame.index or 0:03d}.npz"
    save_images(output / name, frame.pixels[None], frame.shown)
    return Seen(name, frame.back)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_head(
    source: Source, recipe: BrainRecipe, output: Path | None, keep_seen: bool = False
) -> Outcome:
    """Prepare a head and write its slices and masks; output None: a dry run.

    PrepError: unusable; one that fails its registration leaves its quality strip to look at.
    """
    name = f"{quality.FOLDER}/{source.who.subject}/{source.who.session}.png"
    if (
        output is not None
    ):  # or a head that fails now would seem to have the strip of an earlier run
        (output / name).unlink(missing_ok=True)
    head = _read(source, recipe)
    place = place_of(source.path, head.volume, recipe.options.reading()) if keep_seen else None
    content = volume_digest(head.volume)
    head = correct(head, recipe)
    if head.brain is not None:
        if output is not None:
            with whole(output / name) as part:
                part.write_bytes(strip(head, recipe.options))
        head = replace(head, facts={**head.facts, "qc": name})
    slices = cut(head, recipe)
    images = _stored(slices.frames, source, output)
    facts = {**slices.facts, DIGEST: content}
    if head.lesion is not None:
        facts = _with_notes(facts, _agreement(source.truth.label, slices.frames))
        if head.lesion.mean() > MOST_OF_A_MASK:
            facts = _with_notes(facts, [HEAD_NOTE])
    seen: tuple[Seen, ...] = ()
    if place is not None and output is not None:
        seen = (_seen_head(head, recipe, place, source, output),)
    return Outcome("written", source.shown, images=images, details=facts, seen=seen)


def _seen_head(head: Head, recipe: BrainRecipe, place: Place, source: Source, output: Path) -> Seen:
    """All slices of the plane, so that a map has no gaps; those of the data set are counted."""
    slices = cut(head, recipe, every=True)
    name = f"{FOLDER}/{source.who.subject}/{source.who.session}.npz"
    save_images(output / name, np.stack([frame.pixels for frame in slices.frames]))
    indices = tuple(range(len(slices.frames)))
    back = WayToScan.of(slices, place, head.registration)
    return Seen(name, back, indices, tuple(i in slices.chosen for i in indices), slices.plane)


def _read(source: Source, recipe: BrainRecipe) -> Head:
    """The head with all that belongs to it: its lesion, its brain mask, the facts beside it."""
    path, options = source.path, recipe.options
    if source.kind == "picture":
        raise VolumeError(
            "a picture, not a volume", remedy="Prepare pictures with the films command."
        )
    name = PurePosixPath(source.name)  # in an archive the path is another
    named = bids.entities(name)
    if named is not None and named.suffix != options.suffix:
        raise OtherImage(
            f"another BIDS image than {options.suffix}",
            remedy="Pass --suffix to take images of another kind.",
        )
    if bids.no_magnitude(name):
        raise no_magnitude()
    reading = options.reading()
    files = [piece.path for piece in source.pieces()] if source.kind == "series" else []
    volume = read_volume(path, reading, files)
    drawn, healthy = source.truth.mask, source.truth.must_be_empty
    if healthy is not None:
        _require_unmarked(read_mask(healthy, volume, reading))
    lesion = None if drawn is None else read_mask(drawn, volume, reading)
    if lesion is not None and source.truth.label == 0:
        _require_unmarked(lesion)  # before anything is written
    own = extraction.own_mask(options.brain, source.name)
    brain = None if own is None else read_mask(own, volume, reading, what="brain")
    beside = bids.sidecar(path)
    if not scan_facts.is_magnitude(beside):
        raise no_magnitude()
    facts = scan_facts.from_sidecar(beside)
    volume.facts["notes"] += scan_facts.kind_notes(beside)
    volume.facts["notes"] += reading.require_modality(facts)
    return Head(volume, lesion, brain, facts=facts)


def _stored(
    frames: Iterable[Frame], source: Source, output: Path | None
) -> tuple[WrittenImage, ...]:
    who, images = source.who, []
    for frame in frames:
        stem = f"images/{who.subject}/{who.session}_{frame.index or 0:03d}"
        mask = None if frame.mask is None else f"{stem}_mask.png"
        if output is not None:
            if mask is not None and frame.mask is not None:
                png.save(frame.mask, output / mask)
            png.save(frame.pixels, output / f"{stem}.png")
        images.append(
            WrittenImage(f"{stem}.png", who.subject, who.session, frame.index, mask, frame.boxes)
        )
    return tuple(images)
