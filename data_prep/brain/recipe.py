"""What decides the pixels of the prepared slices of a head."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from data_prep.brain import chain
from data_prep.brain.grey_range import DEFAULT, Normalise
from data_prep.brain.head import CORE_MM
from data_prep.brain.options import CHAIN, FRAMING, BrainOptions
from data_prep.frame.recipe import Recipe, flag


@dataclass(frozen=True)
class BrainRecipe(Recipe):
    """options: reading, corrections and cutting; its `normalise` goes before `intensity`.

    framing: a policy of Framing.

    >>> BrainRecipe(options=BrainOptions(plane="coronal")).options.range
    '30%:75%'
    """

    kind: ClassVar[str] = "brains"
    framing: str = FRAMING
    intensity: str = flag(
        DEFAULT,
        "minmax, percentile:LOW,HIGH, zscore:LOW,HIGH or white:SHARE (white matter at that share "
        "of white), over the brain, or the core of the head",
        group=CHAIN,
        metavar="POLICY",
    )
    options: BrainOptions = field(default_factory=BrainOptions)

    def grey(self) -> Normalise:
        """The policy in force; no volume can have the policy 'window'."""
        given = "" if self.intensity == "window" else self.intensity
        return Normalise.parse(self.options.normalise or given)

    def record(self) -> dict[str, Any]:
        """As of every recipe; without the paths of this computer, templates by their checksum."""
        return {**super().record(), "options": self.options.public()}

    def describe(self) -> dict[str, Any]:
        """Return what dataset.json says about modality, grey levels, framing and corrections."""
        chosen = self.options
        bare = chosen.brain == "none"
        where = f"the head below its outer {CORE_MM:g} mm" if bare else "the brain"
        cut = {n: getattr(chosen, n) for n in ("plane", "range", "step", "least_foreground")}
        return {
            "modality": "brain volume",
            "intensity": {**self.grey().record(), "over": where, "n4": chosen.n4},
            "framing": {
                **self.square().record(),
                **cut,
                "orientation": "radiological",
                "chain": chain.record(chosen),
            },
        }
