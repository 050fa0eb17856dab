"""How the images that a model learned from were prepared, as far as it can be done again while one is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from data_prep.brain.options import BrainOptions
from data_prep.brain.slices import SliceChoice
from data_prep.repeat import settings_from_recipe
from data_prep.settings import Settings

FILMS, BRAINS = "films", "brains"
NOT_SERVED = {
    "brain": "brain extraction ({}) is not run here: send volumes whose voxels outside of the brain are 0",
    "mni": "registration to a template is not run here: send volumes that lie in MNI space",
}


@dataclass(frozen=True)
class Preparation:
    """The recipe of a data set (``Settings.recipe()``), put to work on single images.

    kind: 'films' or 'brains'; size: pixels a side; bits: 8 or 16 of grey levels; settings: of data_prep;
    brain: options of the chain with the steps that cannot be served left out; choice: the slices that were cut;
    warnings: what had been done to the images that is not done here, for people.
    """

    kind: str
    settings: Settings
    brain: BrainOptions
    choice: SliceChoice
    warnings: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.settings.size

    @property
    def bits(self) -> int:
        return self.settings.bits

    def for_volumes(self) -> Preparation:
        """That of heads, at the same size: a films' model has no other rule for a volume."""
        if self.kind == BRAINS:
            return self
        recipe = {"kind": BRAINS, "size": self.size, "bits": self.bits}
        return preparation(recipe, self.size)

    def for_films(self) -> Preparation:
        """That of films, at the same size: a heads' model has no other rule for a film."""
        if self.kind == FILMS:
            return self
        return preparation({"kind": FILMS, "size": self.size, "bits": self.bits}, self.size)


def preparation(recipe: Mapping[str, Any], size: int) -> Preparation:
    """The preparation of a data set's recipe at a model's size; what a recipe leaves out is data_prep's default.

    Raises:
        ValueError: the recipe says what this version of data_prep does not know.
    """
    kind = str(recipe.get("kind", FILMS))
    if kind not in (FILMS, BRAINS):
        raise ValueError(f"preparation: kind is {kind!r}; expected {FILMS} or {BRAINS}.")
    if kind == FILMS:
        brain, served = BrainOptions(), BrainOptions()
        warnings: tuple[str, ...] = ()
        # a film under a reader's eyes: text in it is told, but sets no film aside
        changed: dict[str, Any] = {"burned_in": "allow", "frames": "first"}
    else:
        brain = BrainOptions.of(dict(recipe.get("options", {})))
        served, warnings = _served(brain)
        changed = asdict(served)
    whole = {**recipe, "kind": kind, "size": size}
    settings = settings_from_recipe(whole, Path(), Path(), options=changed)
    return Preparation(kind, settings, served, brain.choice(), warnings, dict(recipe))


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
