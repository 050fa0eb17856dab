"""``recipe`` of run.json and serving.json: how the images of a training were prepared."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from healthygan_monai.records.schema import (
    Kind,
    anything,
    exactly,
    named,
    number,
    problems,
    record,
    text,
    whole,
)

_RECIPE: dict[str, Kind] = {
    "version": text,
    "pixels": whole,
    "kind": exactly("films", "brains"),
    "size": whole,
    "bits": exactly(8, 16),
    "framing": named(anything),
    "intensity": record({"policy": text, "low": number, "high": number}),
    "collimation": text,
}


def _inside(where: str, value: Any) -> Iterator[str]:
    from data_prep.brain import BrainOptions
    from data_prep.film import FilmOptions

    options = BrainOptions if value.get("kind") == "brains" else FilmOptions
    names = (field.name for field in fields(options))
    known = {**_RECIPE, "options": record(dict.fromkeys(names, anything))}
    yield from problems(value, known, f"{where}.")


# the record of a recipe of data_prep; its options are those of its kind
recipe = Kind("an object", lambda value: isinstance(value, dict), _inside)
