"""The choices of the brain path: what they are, their flags, and how a text becomes one."""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any

from data_prep.brain import extraction, template
from data_prep.brain.grey_range import DEFAULT, DEFAULTS, NEED_BRAIN, Normalise
from data_prep.brain.registration import LEAST_DICE, LEAST_NCC
from data_prep.brain.slices import NORMAL_AXIS, SliceChoice
from data_prep.read.open_volume import DISAGREEMENT, ReadOptions

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
    """Choices of the brain path, as `Settings.brain` holds them; see SliceChoice, ReadOptions.

    range: "START:STOP", empty for the default of the plane. n4: correct the bias field. brain: a
    method of brain_extraction, resolved, its version beside it. mni: lay the brain onto the
    template. spacing: mm of the voxels before slices are cut, None: as they are. normalise: a
    policy of normalise.py that Settings.intensity cannot hold, empty for that one. suffix: the
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
            raise ValueError(f"--spacing {self.spacing:g}: expected 0.2 to 10 mm.")
        if self.registration not in REGISTRATIONS:
            raise ValueError(
                f"--registration {self.registration}: expected {' or '.join(REGISTRATIONS)}."
            )
        if self.range.startswith("mni:") and not self.mni:
            raise ValueError(f"--range {self.range}: MNI coordinates are known with --mni only.")
        if self.brain == "none" and self.mni:
            raise ValueError(
                "--mni: the template is a brain without its skull; expected a --brain method with "
                "it (auto, stripped, ...)."
            )
        own = Normalise.parse(self.normalise).policy if self.normalise else ""
        if own in NEED_BRAIN and self.brain == "none":
            raise ValueError(f"--intensity {self.normalise}: expected a --brain method with it.")
        for name in ("least_ncc", "least_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 0 to 1.")

    @classmethod
    def of(cls, options: dict[str, Any]) -> BrainOptions:
        """From `Settings.brain`; refuses a key it does not know."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise ValueError(f"brain options {unknown}: expected some of {', '.join(known)}")
        return cls(**options)

    def choice(self) -> SliceChoice:
        return SliceChoice.parse(
            self.range, plane=self.plane, step=self.step, least_foreground=self.least_foreground
        )

    def grey(self, intensity: str) -> Normalise:
        """The policy in force, given Settings.intensity, whose default no volume can have."""
        return Normalise.parse(self.normalise or ("" if intensity == "window" else intensity))

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
        given["template"], given["template_sha256"] = str(path), template.checksum(path)
    return BrainOptions(**given)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the brain path; `settings_of` turns them into Settings."""
    _add_slices(parser.add_argument_group("slices"))
    _add_chain(parser.add_argument_group("corrections, in the order they run"))
    _add_volumes(parser.add_argument_group("volumes"))


def _add_slices(group: Any) -> None:
    def defaults(ranges: dict[str, str]) -> str:
        return ", ".join(f"{plane} {text}" for plane, text in ranges.items()).replace("%", "%%")

    group.add_argument("--plane", choices=tuple(NORMAL_AXIS), default="axial")
    group.add_argument(
        "--range",
        metavar="START:STOP",
        default="",
        help="depth below the top, front or right end of the head, in mm or per cent of the head "
        f"(default: {defaults(DEFAULT_RANGE)}); or mni:START:STOP in mm of the template (default "
        f"with --mni: {defaults(MNI_RANGE)})",
    )
    group.add_argument(
        "--step", default="4mm", help="every so many slices, or mm (default: %(default)s)"
    )
    group.add_argument(
        "--least-foreground",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="least head in a slice, as a share of the slice with most (default: %(default)s)",
    )


def _add_chain(group: Any) -> None:
    group.add_argument("--n4", action="store_true", help="correct the bias field (seconds a head)")
    group.add_argument(
        "--brain",
        default="none",
        metavar="METHOD",
        help="brain extraction: none (default), auto, deepbet, brainextractor, hd-bet, stripped "
        "(nothing but brain is in the scans) or mask:FOLDER",
    )
    group.add_argument("--mni", action="store_true", help="register to an MNI152 template, affine")
    group.add_argument(
        "--template", default="", metavar="FILE", help="another template, brain-extracted"
    )
    group.add_argument("--registration", default="simpleitk", choices=REGISTRATIONS)
    group.add_argument(
        "--least-ncc",
        type=float,
        default=LEAST_NCC,
        metavar="R",
        help="skip heads that correlate less with the template (default: %(default)s)",
    )
    group.add_argument(
        "--least-overlap",
        type=float,
        default=LEAST_DICE,
        metavar="DICE",
        help="skip heads whose brain overlaps less with the template's (default: %(default)s)",
    )
    group.add_argument(
        "--spacing", type=float, metavar="MM", help="resample to cubes (default: 1 with --mni)"
    )
    group.add_argument(
        "--intensity",
        default=DEFAULT,
        metavar="POLICY",
        help="minmax, percentile:LOW,HIGH, zscore:LOW,HIGH or white:SHARE (white matter at that "
        "share of white), over the brain, or the core of the head (default: %(default)s)",
    )


def _add_volumes(group: Any) -> None:
    group.add_argument(
        "--straighten",
        action="store_true",
        help="resample tilted and sheared scans onto the patient's axes",
    )
    group.add_argument(
        "--unoriented",
        default="RAS",
        metavar="CODE",
        help="axes assumed for a file that states none, or 'refuse' (default: %(default)s)",
    )
    group.add_argument(
        "--disagreement",
        default="sform",
        choices=DISAGREEMENT,
        help="where qform and sform place a NIfTI differently (default: %(default)s)",
    )
    group.add_argument(
        "--suffix", default="T1w", help="images taken out of a BIDS tree (default: %(default)s)"
    )
    group.add_argument("--volume-index", type=int, metavar="N", help="which volume of a 4-D file")
    group.add_argument("--series-index", type=int, metavar="N", help="which series of a folder")
    group.add_argument("--allow-single-slice", action="store_true")


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """framing and brain of Settings; raises ValueError for what cannot be meant or is not there."""
    policy = Normalise.parse(arguments.intensity).policy
    own = arguments.intensity if policy in DEFAULTS else ""  # no word of Intensity
    names = [field.name for field in fields(BrainOptions) if hasattr(arguments, field.name)]
    chosen = {name: getattr(arguments, name) for name in names}
    options = resolved(BrainOptions(**chosen, normalise=own))
    intensity = DEFAULT if own else arguments.intensity
    return {"framing": FRAMING, "intensity": intensity, "brain": asdict(options)}
