"""The flags of the brain path, and the recipe they make."""

import argparse

from data_prep.brain.grey_range import DEFAULT, DEFAULTS, Normalise
from data_prep.brain.options import BrainOptions, resolved
from data_prep.brain.recipe import BrainRecipe
from data_prep.cli.arguments import add_fields, from_arguments


def add_brain_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the brain path; `brain_recipe` reads them."""
    add_fields(parser, BrainOptions, BrainRecipe)


def brain_recipe(arguments: argparse.Namespace) -> BrainRecipe:
    """Return what decides the pixels; raises UsageError for what is invalid or not installed."""
    policy = Normalise.parse(arguments.intensity).policy
    own = arguments.intensity if policy in DEFAULTS else ""  # no word of Intensity
    options = resolved(from_arguments(BrainOptions, arguments, normalise=own))
    chosen = {"intensity": DEFAULT if own else arguments.intensity, "options": options}
    return from_arguments(BrainRecipe, arguments, **chosen)
