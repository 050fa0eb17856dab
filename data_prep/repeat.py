"""The way back from the recipe in dataset.json to the settings of a preparation that does the same."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from data_prep.brain import template
from data_prep.errors import DataError
from data_prep.files import sha256
from data_prep.film.options import FilmOptions
from data_prep.settings import PIXELS, Settings

log = logging.getLogger(__name__)


def settings_from_recipe(
    recipe: Mapping[str, Any], input: Path, output: Path, **changes: Any
) -> Settings:
    """Settings with this ``Settings.recipe()``, of another INPUT and OUTPUT; an inverse of it.

    changes: fields of Settings that are no part of a recipe (jobs, pseudonyms, ...), and `options`:
    what of the film's or brain's options is to differ.
    Raises DataError where it is no recipe, or needs files that it only names: brain masks, another
    template than the one at hand.
    """
    try:
        kind = str(recipe["kind"])
        recipe = {**default_recipe(kind, recipe["size"]), **recipe}
        given = changes.pop("options", {})
        _refuse_unknown(given, kind)
        options = {**recipe["options"], **given}
        reading: dict[str, Any] = (
            {"film": FilmOptions(**options), "collimation": recipe["collimation"]}
            if kind == "films"
            else {"brain": _brain(options)}
        )
        settings = Settings(
            input=Path(input),
            output=Path(output),
            kind=kind,
            size=recipe["size"],
            bits=recipe["bits"],
            framing=recipe["framing"]["policy"],
            intensity=_intensity(recipe["intensity"]),
            **reading,
            **changes,
        )
    except DataError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"not a recipe of this version ({type(error).__name__}: {error}). Expected generated_by.recipe "
            "of a dataset.json; prepare the data set again, or give another recipe."
        ) from error
    if recipe.get("pixels") != PIXELS:
        log.warning(
            "the recipe was written by another version of data_prep, whose pixels differ; prepare the "
            "training data again for scores that can be compared"
        )
    return settings


def default_recipe(kind: str, size: int) -> dict[str, Any]:
    """What ``healthygan prep KIND --size SIZE`` does without further flags."""
    nowhere = Path()
    if kind == "films":
        return Settings(nowhere, nowhere, size=size).recipe()
    from data_prep.brain.grey_range import DEFAULT
    from data_prep.brain.options import FRAMING, BrainOptions

    brain = asdict(BrainOptions())
    return Settings(
        nowhere, nowhere, kind=kind, size=size, framing=FRAMING, intensity=DEFAULT, brain=brain
    ).recipe()


def _refuse_unknown(options: Mapping[str, Any], kind: str) -> None:
    from data_prep.brain.options import BrainOptions

    known = [f.name for f in fields(FilmOptions if kind == "films" else BrainOptions)]
    unknown = [repr(name) for name in options if name not in known]
    if unknown:
        raise DataError(
            f"options: {', '.join(unknown)} unknown for {kind}; expected some of {', '.join(known)}."
        )


def _intensity(record: Mapping[str, Any]) -> str:
    """The text of Settings.intensity whose record this is."""
    policy = str(record["policy"])
    return f"{policy}:{record['low']!r},{record['high']!r}" if "low" in record else policy


def _brain(options: dict[str, Any]) -> dict[str, Any]:
    """Options of the brain path with what this machine has; the recipe told files by name only."""
    from data_prep.brain.options import BrainOptions, resolved

    if options.get("brain") == "mask":
        raise DataError(
            "the training heads were prepared with brain masks of their own (--brain mask:FOLDER), "
            "which these files lack. Prepare them with healthygan prep brains and give that folder."
        )
    wanted = dict(options)
    if wanted.get("mni"):
        path = template.find_template(_given(wanted.get("template", "")))
        if sha256(path) != wanted.get("template_sha256"):
            raise DataError(
                f"the training heads were laid onto the template {Path(wanted['template']).name}, and "
                f"{path.name} here is another. Give that file: options={{'template': PATH}}."
            )
        wanted["template"] = str(path)
    found = resolved(BrainOptions.of(wanted))
    if found.brain_version != options.get("brain_version", ""):
        log.warning(
            "brain extraction: %s %s here, %s in training",
            found.brain,
            found.brain_version,
            options.get("brain_version"),
        )
    return asdict(found)


def _given(name: str) -> str:
    """The template where it is a file here; by its name alone it is the one that nilearn ships."""
    return name if Path(name).is_file() else ""
