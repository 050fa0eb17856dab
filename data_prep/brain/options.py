"""The choices of the brain path: what they are, their flags, and how a text becomes one."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any

from data_prep.brain import extraction, template
from data_prep.brain.grey_range import NEED_BRAIN, Normalise
from data_prep.brain.registration import LEAST_DICE, LEAST_NCC
from data_prep.brain.slices import SliceChoice
from data_prep.errors import UsageError
from data_prep.files import sha256
from data_prep.read.volume.volume import ReadOptions

log = logging.getLogger(__name__)

# Depth below the top of the head, front of the head or right ear. Axial: from the centrum
# semiovale through the ventricles to the basal ganglia of an adult; without neck, eyes and ears.
DEFAULT_RANGE = {"axial": "30mm:90mm", "coronal": "30%:75%", "sagittal": "30%:70%"}
# The same anatomy in MNI mm: z, y and x.
MNI_RANGE = {"axial": "mni:-10:50", "coronal": "mni:-70:40", "sagittal": "mni:-50:50"}
FRAMING = "square"  # pad: the crops meant for films would cut the forehead
MNI_MM = 1.0
REGISTRATIONS = ("simpleitk", "elastix")


@dataclass(frozen=True)
class BrainOptions:
    """Choices of the brain path; see SliceChoice, ReadOptions.

    range: "START:STOP", empty for the default of the plane. n4: correct the bias field. brain: a
    method of brain_extraction, resolved, its version beside it. mni: lay the brain onto the
    template. spacing: mm of the voxels before slices are cut, None: as they are. normalise: a
    policy of grey_range.py that Recipe.intensity cannot hold, empty for that one. suffix: the
    images taken out of a BIDS tree. least_ncc, least_overlap: of a registration, below which a
    head is skipped.
    """

    plane: str = "axial"
    range: str = ""
    step: str = "4mm"
    least_foreground: float = 0.1
    n4: bool = False
    brain: str = "none"
    brain_version: str = ""
    mni: bool = False
    template: str = ""
    template_sha256: str = ""
    registration: str = "simpleitk"
    least_ncc: float = LEAST_NCC
    least_overlap: float = LEAST_DICE
    spacing: float | None = None
    normalise: str = ""
    suffix: str = "T1w"
    straighten: bool = False
    unoriented: str = "RAS"
    disagreement: str = "sform"
    volume_index: int | None = None
    series_index: int | None = None
    allow_single_slice: bool = False

    def __post_init__(self) -> None:
        defaults = MNI_RANGE if self.mni else DEFAULT_RANGE
        if not self.range and self.plane in defaults:
            object.__setattr__(self, "range", defaults[self.plane])
        if self.mni and self.spacing is None:
            object.__setattr__(self, "spacing", MNI_MM)
        self.choice()
        self.reading()
        self._check_chain()

    def _check_chain(self) -> None:
        if self.spacing is not None and not 0.2 <= self.spacing <= 10:
            raise UsageError(f"--spacing {self.spacing:g}: expected 0.2 to 10 mm.")
        if self.registration not in REGISTRATIONS:
            raise UsageError(
                f"--registration {self.registration}: expected {' or '.join(REGISTRATIONS)}."
            )
        if self.range.startswith("mni:") and not self.mni:
            raise UsageError(f"--range {self.range}: MNI coordinates are known with --mni only.")
        if self.brain == "none" and self.mni:
            raise UsageError(
                "--mni: the template is a brain without its skull; expected a --brain method with "
                "it (auto, stripped, ...)."
            )
        own = Normalise.parse(self.normalise).policy if self.normalise else ""
        if own in NEED_BRAIN and self.brain == "none":
            raise UsageError(f"--intensity {self.normalise}: expected a --brain method with it.")
        for name in ("least_ncc", "least_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; expected 0 to 1.")

    @classmethod
    def of(cls, options: dict[str, Any]) -> BrainOptions:
        """From a dict; refuses a key it does not know."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise UsageError(f"brain options {unknown}: expected some of {', '.join(known)}")
        return cls(**options)

    def choice(self) -> SliceChoice:
        return SliceChoice.parse(
            self.range, plane=self.plane, step=self.step, least_foreground=self.least_foreground
        )

    def reading(self) -> ReadOptions:
        return ReadOptions(
            volume_index=self.volume_index,
            series_index=self.series_index,
            unoriented=self.unoriented,
            allow_single_slice=self.allow_single_slice,
            disagreement=self.disagreement,
            # a sheared grid has no rotation that a registration could start from
            straighten_oblique=self.straighten,
        )

    def public(self) -> dict[str, Any]:
        """All options fit for dataset.json: of a path, only the name of the file or folder."""
        shown = asdict(self)
        shown["template"] = PurePath(self.template).name
        if self.brain.startswith("mask:"):
            shown["brain"] = "mask"
        return shown


def resolved(options: BrainOptions) -> BrainOptions:
    """The same with what this machine has: 'auto' named, versions and the template's checksum.

    Raises ValueError for a program or a template that is not there, before any work.
    """
    given = asdict(options)
    given["brain"], given["brain_version"] = extraction.resolve(options.brain)
    if options.brain == "auto":
        log.info("brain extraction: %s %s", given["brain"], given["brain_version"])
    if options.mni and options.registration == "elastix":
        from data_prep.brain.registration_elastix import require

        require()
    if options.mni:
        path = template.find_template(options.template)
        given["template"], given["template_sha256"] = str(path), sha256(path)
    return BrainOptions(**given)
