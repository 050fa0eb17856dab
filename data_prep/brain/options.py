"""The options of the brain path and their command-line flags."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any

from data_prep.brain import extraction, template
from data_prep.brain.grey_range import NEED_BRAIN, Normalise
from data_prep.brain.registration import LEAST_DICE, LEAST_NCC
from data_prep.brain.slices import NORMAL_AXIS, SliceChoice
from data_prep.errors import UsageError
from data_prep.files import sha256
from data_prep.frame.recipe import flag
from data_prep.read.volume.volume import DISAGREEMENT, MODALITY, ReadOptions

log = logging.getLogger(__name__)

# Depth below the top of the head, front of the head or right ear. Axial: from the centrum
# semiovale through the ventricles to the basal ganglia of an adult; without neck, eyes and ears.
DEFAULT_RANGE = {"axial": "30mm:90mm", "coronal": "30%:75%", "sagittal": "30%:70%"}
# The same anatomy in MNI mm: z, y and x.
MNI_RANGE = {"axial": "mni:-10:50", "coronal": "mni:-70:40", "sagittal": "mni:-50:50"}
FRAMING = "square"  # pad: the crops of films would cut the forehead
MNI_MM = 1.0
REGISTRATIONS = ("simpleitk", "elastix")


SLICES, CHAIN, VOLUMES = "slices", "corrections, in the order they run", "volumes"


def _spoken(ranges: dict[str, str]) -> str:
    return ", ".join(f"{plane} {text}" for plane, text in ranges.items()).replace("%", "%%")


@dataclass(frozen=True)
class BrainOptions:
    """Options of the brain path; the help texts explain them. See SliceChoice and ReadOptions.

    Attributes:
        range: of slices; empty for the plane's default.
        brain_version: of the program that extracted the brain, set by ``resolved``.
        template_sha256: checksum of the template, set by ``resolved``.
        spacing: of the voxels, in mm; None keeps them.
        normalise: a policy of grey_range.py that Recipe.intensity cannot hold, else empty.
    """

    plane: str = flag("axial", "plane of the slices", group=SLICES, choices=tuple(NORMAL_AXIS))
    range: str = flag(
        "",
        "depth below the top, front or right end of the head, in mm or per cent of the head "
        f"(default: {_spoken(DEFAULT_RANGE)}); or mni:START:STOP in mm of the template (default "
        f"with --mni: {_spoken(MNI_RANGE)})",
        group=SLICES,
        metavar="START:STOP",
    )
    step: str = flag("4mm", "every so many slices, or mm", group=SLICES, metavar="STEP")
    least_foreground: float = flag(
        0.1,
        "least head in a slice, as a share of the slice with most",
        group=SLICES,
        metavar="SHARE",
    )
    n4: bool = flag(False, "correct the bias field (seconds a head)", group=CHAIN)
    brain: str = flag(
        "none",
        "brain extraction: none, auto, deepbet, brainextractor, hd-bet, stripped (nothing but "
        "brain is in the scans) or mask:FOLDER",
        group=CHAIN,
        metavar="METHOD",
    )
    brain_version: str = ""
    mni: bool = flag(False, "register to an MNI152 template, affine", group=CHAIN)
    template: str = flag("", "another template, brain-extracted", group=CHAIN, metavar="FILE")
    template_sha256: str = ""
    registration: str = flag(
        "simpleitk", "program that registers", group=CHAIN, choices=REGISTRATIONS
    )
    least_ncc: float = flag(
        LEAST_NCC, "skip heads that correlate less with the template", group=CHAIN, metavar="R"
    )
    least_overlap: float = flag(
        LEAST_DICE,
        "skip heads whose brain overlaps less with the template's",
        group=CHAIN,
        metavar="DICE",
    )
    spacing: float | None = flag(
        None, "resample to cubes (default: 1 with --mni)", group=CHAIN, metavar="MM"
    )
    normalise: str = ""
    suffix: str = flag("T1w", "images taken out of a BIDS tree", group=VOLUMES, metavar="NAME")
    modality: str = flag(
        MODALITY,
        "scans of another modality than this code, such as CT, are left out; 'any' takes all",
        group=VOLUMES,
        metavar="CODE",
    )
    straighten: bool = flag(
        False, "resample tilted and sheared scans onto the patient's axes", group=VOLUMES
    )
    unoriented: str = flag(
        "RAS",
        "axes assumed for a file that states none, or 'refuse'",
        group=VOLUMES,
        metavar="CODE",
    )
    disagreement: str = flag(
        "sform",
        "where qform and sform place a NIfTI differently",
        group=VOLUMES,
        choices=DISAGREEMENT,
    )
    volume_index: int | None = flag(None, "which volume of a 4-D file", group=VOLUMES, metavar="N")
    series_index: int | None = flag(None, "which series of a folder", group=VOLUMES, metavar="N")
    allow_single_slice: bool = flag(False, "accept a volume of one slice", group=VOLUMES)

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
        """Return the options in a dict; raises UsageError for an unknown key."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise UsageError(f"brain options {unknown}: expected some of {', '.join(known)}")
        return cls(**options)

    def choice(self) -> SliceChoice:
        """Return which slices to cut: their range and plane, and the step in mm."""
        return SliceChoice.parse(
            self.range, plane=self.plane, step=self.step, least_foreground=self.least_foreground
        )

    def reading(self) -> ReadOptions:
        """Return how to read a head: which volume or series, and what to refuse."""
        return ReadOptions(
            volume_index=self.volume_index,
            series_index=self.series_index,
            unoriented=self.unoriented,
            allow_single_slice=self.allow_single_slice,
            disagreement=self.disagreement,
            # a sheared grid has no rotation that a registration could start from
            straighten_oblique=self.straighten,
            modality=self.modality,
        )

    def public(self) -> dict[str, Any]:
        """Return all options for dataset.json, with file names instead of paths."""
        shown = asdict(self)
        shown["template"] = PurePath(self.template).name
        if self.brain.startswith("mask:"):
            shown["brain"] = "mask"
        return shown


def resolved(options: BrainOptions) -> BrainOptions:
    """Return the options with the brain method, its version and the template's checksum.

    Raises:
        ValueError: a program or the template is not installed.
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
