"""The flags of the brain path, and the settings they choose."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from data_prep.brain.grey_range import DEFAULT, DEFAULTS, Normalise
from data_prep.brain.options import CHAIN, FRAMING, BrainOptions, resolved
from data_prep.flags import add_fields, from_arguments


def add_brain_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the brain path; `brain_choices` turns them into Settings."""
    groups = add_fields(parser, BrainOptions)
    groups[CHAIN].add_argument(
        "--intensity",
        default=DEFAULT,
        metavar="POLICY",
        help="minmax, percentile:LOW,HIGH, zscore:LOW,HIGH or white:SHARE (white matter at that "
        "share of white), over the brain, or the core of the head (default: %(default)s)",
    )


def brain_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """framing and brain of Settings; raises UsageError for what is invalid or not installed."""
    policy = Normalise.parse(arguments.intensity).policy
    own = arguments.intensity if policy in DEFAULTS else ""  # no word of Intensity
    options = resolved(from_arguments(BrainOptions, arguments, normalise=own))
    intensity = DEFAULT if own else arguments.intensity
    return {"framing": FRAMING, "intensity": intensity, "brain": asdict(options)}
