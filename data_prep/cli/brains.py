"""The flags of the brain path, and the settings they choose."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from data_prep.brain.grey_range import DEFAULT, DEFAULTS, Normalise
from data_prep.brain.options import (
    DEFAULT_RANGE,
    MNI_RANGE,
    REGISTRATIONS,
    BrainOptions,
    resolved,
)
from data_prep.brain.recipe import BrainRecipe
from data_prep.brain.registration import LEAST_DICE, LEAST_NCC
from data_prep.brain.slices import NORMAL_AXIS
from data_prep.read.volume.volume import DISAGREEMENT


def add_brain_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the brain path; `brain_recipe` reads them."""
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


def brain_recipe(arguments: argparse.Namespace) -> BrainRecipe:
    """What decides the pixels; raises ValueError for an invalid choice or a missing program."""
    policy = Normalise.parse(arguments.intensity).policy
    own = arguments.intensity if policy in DEFAULTS else ""  # no word of Intensity
    names = [field.name for field in fields(BrainOptions) if hasattr(arguments, field.name)]
    chosen = {name: getattr(arguments, name) for name in names}
    options = resolved(BrainOptions(**chosen, normalise=own))
    intensity = DEFAULT if own else arguments.intensity
    return BrainRecipe(arguments.size, arguments.bits, intensity=intensity, options=options)
