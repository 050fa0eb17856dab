"""The inputs of a run once they are prepared: what became of each, and the data set they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep import __version__, datalist, outcome
from data_prep.datalist import Dataset, Item
from data_prep.outcome import Outcome
from data_prep.output import summary
from data_prep.settings import Settings
from data_prep.source import Source


@dataclass(frozen=True)
class Prepared:
    """sources and outcomes: one each an input. dataset: what dataset.json will say of them."""

    sources: list[Source]
    outcomes: list[Outcome]
    dataset: Dataset

    def source_of(self) -> dict[str, str]:
        """Image name -> path of its input below INPUT; these paths may name patients."""
        pairs = zip(self.sources, self.outcomes, strict=True)
        return {image.image: source.name for source, o in pairs for image in o.images}

    def refused(self) -> list[tuple[str, Outcome]]:
        """(path below INPUT, why) of every input that was not taken."""
        pairs = zip(self.sources, self.outcomes, strict=True)
        return [(source.name, o) for source, o in pairs if not o.taken]

    def write_skipped(self, path: Path) -> None:
        summary.write_skipped(self.outcomes, path)


def dataset_of(
    sources: Sequence[Source], outcomes: Sequence[Outcome], settings: Settings
) -> Dataset:
    """What dataset.json will say; nothing is written, and content_hash is empty."""
    sections: dict[str, list[Item]] = {name: [] for name in datalist.SECTIONS}
    for source, result in zip(sources, outcomes, strict=True):
        for image in result.images:
            item = Item(
                image=image.image,
                subject=image.subject,
                session=image.session,
                slice=image.slice,
                label=source.truth.label,
                mask=image.mask,
                boxes=image.boxes or None,
            )
            sections[source.truth.section or "test"].append(item)
    for items in sections.values():
        items.sort(key=lambda item: item.image)
    recipe, about, facts = settings.recipe, settings.about, settings.recipe.describe()
    counts = {s: sum(o.status == s for o in outcomes) for s in outcome.STATUSES}
    return Dataset(
        name=about.name or settings.output.resolve().name,
        description=about.description,
        licence=about.licence,
        modality=facts["modality"],
        image_size=recipe.size,
        bit_depth=recipe.bits,
        intensity=facts["intensity"],
        framing=facts["framing"],
        protocol=about.protocol,
        generated_by={
            "name": "data_prep",
            "version": __version__,
            "recipe": recipe.record(),
            "seed": settings.cohort.seed,
            "pseudonyms": settings.cohort.pseudonyms,
            "images": sum(len(o.images) for o in outcomes),
            "inputs": len(outcomes),
            "skipped": counts["skipped"],
            "left": counts["left"],
            **({"source": about.source} if about.source else {}),
        },
        sections=sections,
        root=settings.output,
    )
