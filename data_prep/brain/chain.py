"""The chain of corrections between reading a head and cutting slices, each step optional.

reorient (always): axes in RAS+ order, mm; --straighten resamples a tilted scan
n4: bias field divided out; extract (--brain): brain or not; register (--mni): affine
resample (--spacing): cubes; with --mni on the template's grid
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.brain import extraction
from data_prep.brain.head import correct_bias_field, head_mask
from data_prep.brain.options import BrainOptions
from data_prep.brain.registration import Registration, place, register
from data_prep.brain.template import Template, load_template, slice_grid
from data_prep.read.volume.resample import box_grid, onto_grid
from data_prep.read.volume.volume import Volume

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Head:
    """A head between two steps; ``facts`` holds what the steps found.

    brain, lesion: bool (R, A, S) on its volume's grid. native, native_brain: before registration.
    """

    volume: Volume
    lesion: np.ndarray | None = None
    brain: np.ndarray | None = None
    native: Volume | None = None
    native_brain: np.ndarray | None = None
    registration: Registration | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def foreground(self) -> np.ndarray:
        """The brain where it is known, else the head."""
        return head_mask(self.volume.data) if self.brain is None else self.brain


@dataclass(frozen=True)
class Step:
    """name and settings as dataset.json tells them; run does it."""

    name: str
    settings: dict[str, Any]
    run: Callable[[Head], Head]


def steps(options: BrainOptions) -> list[Step]:
    """What was asked for, in the order it runs; reading has reoriented the volume already."""
    chain = []
    if options.n4:
        chain.append(Step("n4", {}, n4))
    if options.brain != "none":
        public = options.public()
        choices = {"method": public["brain"], "version": options.brain_version}
        chain.append(Step("extract", choices, lambda head: extract(head, options)))
    if options.mni:
        choices = {
            "method": options.registration,
            "model": "affine",
            "template": options.public()["template"],
            "template_sha256": options.template_sha256,
            "least_ncc": options.least_ncc,
            "least_overlap": options.least_overlap,
        }
        chain.append(Step("register", choices, lambda head: onto_template(head, options)))
    if options.spacing is not None:
        choices = {"mm": options.spacing, "grid": "template" if options.mni else "scan"}
        chain.append(Step("resample", choices, lambda head: resample(head, options)))
    return chain


def record(options: BrainOptions) -> list[dict[str, Any]]:
    """The chain for dataset.json."""
    reading = {
        "step": "reorient",
        "order": "RAS+",
        "straighten": options.straighten,
        "unoriented": options.unoriented,
        "disagreement": options.disagreement,
    }
    return [reading, *({"step": step.name, **step.settings} for step in steps(options))]


def n4(head: Head) -> Head:
    return replace(head, volume=correct_bias_field(head.volume))


def extract(head: Head, options: BrainOptions) -> Head:
    """Find the brain, or take the one the head came with; nothing is cut off before slicing."""
    if head.brain is not None:
        brain = extraction.plausible(head.brain, head.volume.spacing)
    else:
        brain = extraction.extract(head.volume, options.brain)
    facts = {"brain_ml": round(extraction.volume_ml(brain, head.volume.spacing), 1)}
    if head.lesion is not None and head.lesion.any():
        outside = float((head.lesion & ~brain).sum() / head.lesion.sum())
        facts["lesion_outside_brain"] = round(outside, 4)
    return replace(head, brain=brain, facts={**head.facts, **facts})


def onto_template(head: Head, options: BrainOptions) -> Head:
    """Give the volume an affine in MNI mm; its voxels stay as they are until `resample`."""
    assert head.brain is not None  # BrainOptions sees to it
    found = register(head.volume, head.brain, _template(options), options.registration)
    return replace(
        head,
        volume=place(head.volume, found.matrix),
        native=head.volume,
        native_brain=head.brain,
        registration=found,
        facts={**head.facts, **found.facts()},
    )


def resample(head: Head, options: BrainOptions) -> Head:
    """Linear onto cubes of `spacing`; masks linear and cut at one half, so their edge stays put."""
    assert options.spacing is not None
    if options.mni:
        shape, affine = slice_grid(_template(options), options.spacing)
    else:
        shape, affine = box_grid(head.volume, options.spacing)

    def moved(mask: np.ndarray | None) -> np.ndarray | None:
        if mask is None:
            return None
        volume = replace(head.volume, data=mask.astype(np.float32))
        return onto_grid(volume, shape, affine).data > 0.5

    volume = onto_grid(head.volume, shape, affine)
    facts = {**volume.facts, "shape_prepared": list(shape), "spacing_prepared_mm": options.spacing}
    return replace(
        head,
        volume=replace(volume, facts=facts),
        brain=moved(head.brain),
        lesion=moved(head.lesion),
    )


def _template(options: BrainOptions) -> Template:
    return load_template(Path(options.template))
