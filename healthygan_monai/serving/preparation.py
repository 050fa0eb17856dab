"""How the images that a model learned from were prepared, as far as it can be done again while one is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from data_prep.brain import BrainOptions, BrainRecipe, SliceChoice
from data_prep.film import FilmOptions, FilmRecipe
from data_prep.repeat import recipe_from

FILMS, BRAINS = "films", "brains"
NOT_SERVED = {
    "brain": "brain extraction ({}) is not run here: send volumes whose voxels outside of the brain are 0",
    "mni": "registration to a template is not run here: send volumes that lie in MNI space",
}


@dataclass(frozen=True)
class Preparation:
    """The recipe of a data set, put to work on single images.

    kind: what the model was trained on, 'films' or 'brains'. film, head: recipes at its size and bits; of the other
    kind the default, for a model has no other rule for it. choice: the slices of heads that it was trained on.
    warnings: what had been done to its heads that is not done here, for people.
    """

    kind: str
    film: FilmRecipe
    head: BrainRecipe
    choice: SliceChoice
    warnings: tuple[str, ...] = ()


def preparation(record: Mapping[str, Any], size: int) -> Preparation:
    """The preparation of a data set's recipe at a model's size; what a recipe leaves out is data_prep's default.

    Raises:
        ValueError: the recipe says what this version of data_prep does not know.
    """
    kind = str(record.get("kind", FILMS))
    if kind not in (FILMS, BRAINS):
        raise ValueError(f"preparation: kind is {kind!r}; expected {FILMS} or {BRAINS}.")
    whole = {**record, "kind": kind, "size": size}
    if kind == FILMS:
        # a film under a reader's eyes: text in it is told, but sets no film aside
        film = recipe_from(whole, {"burned_in": "allow", "frames": "first"})
        assert isinstance(film, FilmRecipe)
        options = BrainOptions(allow_single_slice=True)
        head = BrainRecipe(size, film.bits, options=options)
        return Preparation(kind, film, head, options.choice())
    trained = BrainOptions.of(dict(record.get("options", {})))
    served, warnings = _served(trained)
    found = recipe_from(whole, asdict(served))
    assert isinstance(found, BrainRecipe)
    film = FilmRecipe(size, found.bits, options=FilmOptions(burned_in="allow"))
    return Preparation(kind, film, found, trained.choice(), warnings)


def _served(brain: BrainOptions) -> tuple[BrainOptions, tuple[str, ...]]:
    """The chain without extraction and registration; what the sender has to do instead, in words."""
    warnings = []
    if brain.brain not in ("none", "stripped"):
        warnings.append(NOT_SERVED["brain"].format(brain.public()["brain"]))
    if brain.mni:
        warnings.append(NOT_SERVED["mni"])
    served = replace(
        brain,
        brain="none" if brain.brain == "none" else "stripped",
        mni=False,
        range="" if brain.mni else brain.range,
        allow_single_slice=True,
    )
    return served, tuple(warnings)
