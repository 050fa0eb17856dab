"""Repeat the preparation of a model's images for a request, as far as that is possible."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from data_prep.brain import BrainOptions, BrainRecipe, SliceChoice
from data_prep.film import FilmOptions, FilmRecipe
from data_prep.repeat import recipe_from

FILMS, BRAINS = "films", "brains"
NOT_SERVED = {
    "brain": "brain extraction ({}) is not run here: send volumes with 0 outside of the brain",
    "mni": "registration to a template is not run here: send volumes in MNI space",
}


@dataclass(frozen=True)
class Preparation:
    """The recipe of a data set, applied to single images.

    kind: what the model was trained on, 'films' or 'brains'. film, head: recipes at its size and
    bits; the other kind has its defaults. choice: the slices of heads that it was trained on.
    warnings: for people; steps of its preparation that are not done here.
    """

    kind: str
    film: FilmRecipe
    head: BrainRecipe
    choice: SliceChoice
    warnings: tuple[str, ...] = ()


def preparation(record: Mapping[str, Any], size: int) -> Preparation:
    """Return the preparation of a data set's recipe at a model's size.

    Keys that a recipe does not have take data_prep's defaults.

    Raises:
        ValueError: the recipe has values that this version of data_prep does not know.
    """
    kind = str(record.get("kind", FILMS))
    if kind not in (FILMS, BRAINS):
        raise ValueError(f"preparation: kind is {kind!r}; expected {FILMS} or {BRAINS}.")
    whole = {**record, "kind": kind, "size": size}
    if kind == FILMS:
        # a reader sees the film: text in it gives a warning and excludes nothing
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
    """Return the options without extraction and registration, and what the sender must do."""
    warnings = []
    if brain.brain not in ("none", "stripped"):
        warnings.append(NOT_SERVED["brain"].format(brain.public()["brain"]))
    if brain.mni:
        warnings.append(NOT_SERVED["mni"])
    state = "none" if brain.brain == "none" else "stripped"
    slices = "" if brain.mni else brain.range
    served = replace(brain, brain=state, mni=False, range=slices, allow_single_slice=True)
    return served, tuple(warnings)
