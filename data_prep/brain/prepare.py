"""One head from file to PNG: read, correct, grey levels of the whole head, cut, frame, write.

The order is the method; each step takes what the one before gives:

    read        open_volume.read_volume -> RAS+ array, mm; the lesion mask on the same grid
    correct     chain.steps            -> N4, brain, template, cubes, each where asked for
    check       registration           -> heads that do not fit the template are skipped
    grey range  grey_range             -> one black and one white for all slices of a head
    cut         slices.cut_slices      -> by depth below the top of the head, or by MNI mm
    frame       framing.Framing        -> square, proportions kept; the mask by nearest neighbour
    write       settings.store         -> images/<subject>/<session>_<slice>.png

What is outside of a known brain becomes black.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.brain import chain, quality
from data_prep.brain.chain import Head
from data_prep.brain.head import CORE_MM, head_core
from data_prep.brain.options import BrainOptions
from data_prep.brain.registration import refuse_poor
from data_prep.brain.slices import NORMAL_AXIS, Slice, cut_slices, display
from data_prep.frame.intensity import Intensity
from data_prep.inputs import bids
from data_prep.outcome import Outcome, WrittenImage
from data_prep.read import scan_facts
from data_prep.read.open_volume import read_mask, read_volume
from data_prep.read.volume import OtherImage, Volume, VolumeError
from data_prep.settings import Settings
from data_prep.source import Source


def prepare_brain(source: Source, settings: Settings) -> Outcome:
    """Write images/<subject>/<session>_<slice>.png (and _mask.png) of one head.

    <slice> is the index along the RAS+ axis, 0 the lowest, hindmost or leftmost. Every slice of a
    head with a mask gets one, empty where there is no lesion. Raises PrepError; a head that fails
    its registration leaves its quality strip behind, so that one can see why.
    """
    chosen = BrainOptions.of(settings.brain)
    quality.forget(source, settings)
    head = _corrected(source, chosen)
    strip = quality.keep(head, chosen, source, settings)
    if head.registration is not None:
        refuse_poor(head.registration, chosen.least_ncc, chosen.least_overlap)
    black, white = grey_range(head, chosen, settings)
    volume = blackened(head, black)
    axis = NORMAL_AXIS[chosen.plane]
    found = cut_slices(
        volume.data,
        head.foreground(),
        volume.spacing,
        chosen.choice(),
        float(volume.affine[axis, 3]),
    )
    cuts = list(found)[::-1]
    if not cuts:
        raise VolumeError(
            "no slice lies in the chosen range",
            detail=f"{chosen.plane} {chosen.range}",
            remedy="Widen --range, or lower --least-foreground.",
        )
    written = tuple(_write(cut, head.lesion, (black, white), source, settings) for cut in cuts)
    facts = {
        **volume.facts,
        **head.facts,
        **({"qc": strip} if strip else {}),
        "plane": chosen.plane,
        "slices": [cut.index for cut in cuts],
        ("mni_mm" if chosen.choice().mni else "depths_mm"): [
            -cut.depth_mm if chosen.choice().mni else cut.depth_mm for cut in cuts
        ],
        "black": round(black, 4),
        "white": round(white, 4),
    }
    return Outcome("written", source.name, images=written, details=facts)


def record(settings: Settings) -> dict[str, Any]:
    """What dataset.json says about modality, grey levels, framing and the chain of corrections."""
    chosen = BrainOptions.of(settings.brain)
    grey = chosen.grey(settings.intensity).record()
    where = "the brain" if chosen.brain != "none" else f"the head below its outer {CORE_MM:g} mm"
    framing = settings.framing_policy().record()
    cut = {name: getattr(chosen, name) for name in ("plane", "range", "step", "least_foreground")}
    return {
        "modality": "brain volume",
        "intensity": {**grey, "over": where, "n4": chosen.n4},
        "framing": {
            **framing,
            **cut,
            "orientation": "radiological",
            "chain": chain.record(chosen),
        },
    }


def further_inputs(source: Source, settings: Settings) -> list[Path]:
    """Files besides the scan and its lesion mask that decide the pixels: the user's brain mask.

    The template is told by its checksum in the options. For the digest of the sidecar.
    """
    chosen = BrainOptions.of(settings.brain)
    if not chosen.brain.startswith("mask:"):
        return []
    given: Path | None = getattr(source, "brain_mask", None)
    from data_prep.brain.extraction import own_mask

    try:
        return [given or own_mask(Path(chosen.brain[5:]), source.name)]
    except VolumeError:
        return []  # the preparation will say so


def _corrected(source: Source, chosen: BrainOptions) -> Head:
    """The head after reading and all corrections."""
    path = _path(source)
    _refuse_other_suffix(path, chosen)
    reading = chosen.reading()
    number: int | None = source.series  # where the folder holds several
    volume = read_volume(path, reading if number is None else replace(reading, series_index=number))
    lesion = read_mask(source.mask, volume, reading) if source.mask is not None else None
    facts = scan_facts.from_sidecar(bids.sidecar(path))
    head = Head(
        volume,
        lesion,
        brain_file=getattr(source, "brain_mask", None),
        name=source.name,
        facts=facts,
    )
    for step in chain.steps(chosen):
        head = step.run(head)
        if step.name == "extract" and head.brain is not None:
            snr = quality.signal_to_noise(volume, head.brain)
            head.facts.update({"snr": snr} if snr is not None else {})
    return head


def _refuse_other_suffix(path: Path, chosen: BrainOptions) -> None:
    found = bids.entities(path)
    if found is not None and found.suffix != chosen.suffix:
        raise OtherImage(
            f"another BIDS image than {chosen.suffix}",
            remedy="Pass --suffix to take images of another kind.",
        )


def grey_range(head: Head, chosen: BrainOptions, settings: Settings) -> tuple[float, float]:
    """(black, white) of all slices of a head, from its brain or the core of the head."""
    policy = chosen.grey(settings.intensity)
    inside = head.brain
    if inside is None:
        whole = head.foreground()
        inside = head_core(whole, head.volume.spacing)
        head.facts["head_share"] = round(float(whole.mean()), 4)
        head.facts["core_share"] = round(float(inside.mean()), 4)
    if not inside.any():
        raise VolumeError(
            "the brain lies outside of the template's grid",
            remedy="Look at its strip in the report, and at its brain mask.",
        )
    return policy.range_of(head.volume.data[inside])


def blackened(head: Head, black: float) -> Volume:
    """The head with all that is outside of a known brain black."""
    if head.brain is None:
        return head.volume
    data = np.where(head.brain, head.volume.data, np.float32(black))
    return Volume(data, head.volume.spacing, head.volume.affine, head.volume.facts)


def _path(source: Source) -> Path:
    if source.kind == "picture":
        raise VolumeError(
            "a picture, not a volume", remedy="Prepare pictures with the films command."
        )
    return source.path


def framed(cut: Slice, grey: tuple[float, float], settings: Settings) -> np.ndarray:
    """Grey levels (size, size) of one slice; grey: the black and the white of its head."""
    image = settings.framing_policy().image(cut.pixels, cut.spacing, fill=grey[0])
    return Intensity("window").apply(image, settings.bits, value_range=grey)


def _write(
    cut: Slice,
    lesion: np.ndarray | None,
    grey: tuple[float, float],
    source: Source,
    settings: Settings,
) -> WrittenImage:
    """One slice and its mask through the same frame."""
    framing = settings.framing_policy()
    pixels = framed(cut, grey, settings)
    stem = f"images/{source.subject}/{source.session}_{cut.index:03d}"
    mask = None
    if lesion is not None:
        mask = f"{stem}_mask.png"
        settings.store(mask, framing.mask(display(lesion, cut.plane, cut.index), cut.spacing))
    settings.store(f"{stem}.png", pixels)
    return WrittenImage(f"{stem}.png", source.subject, source.session, cut.index, mask)
