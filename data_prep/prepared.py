"""The inputs of a run once they are prepared: what became of each, and the data set they make."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_prep import __version__, datalist, outcome
from data_prep.datalist import Dataset, Item
from data_prep.frame.seen import Seen
from data_prep.outcome import Outcome
from data_prep.output import summary, tables
from data_prep.settings import Settings
from data_prep.source import Source


@dataclass(frozen=True)
class Ready:
    """One film or head to score.

    name, subject: pseudonyms. images: their names in the data set. files: (path, member of an
    archive) of the input, which may name a patient; is_dicom: whether they are of that format.
    frame: of a film of several that are taken. notes: of the readers.
    """

    name: str
    subject: str
    images: tuple[str, ...]
    seen: Seen
    files: tuple[tuple[Path, str | None], ...]
    frame: int | None
    notes: tuple[str, ...]
    is_dicom: bool


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

    def ready(self) -> Iterator["Ready"]:
        """What was kept of every input that was taken; see `Settings.keep_seen`."""
        for source, o in zip(self.sources, self.outcomes, strict=True):
            if not o.taken:
                continue
            files = tuple((piece.path, piece.member) for piece in source.pieces())
            notes = tuple(str(note) for note in o.details.get("notes", ()))
            is_dicom = source.kind in ("dicom", "series")
            stem, several = f"{source.who.subject}_{source.who.session}", len(o.seen) > 1
            for number, seen in enumerate(o.seen):
                images = o.images[number : number + 1] if seen.indices is None else o.images
                frame = images[0].slice if seen.indices is None else None
                name = f"{stem}_{frame:03d}" if several else stem
                names = tuple(image.image for image in images)
                yield Ready(name, source.who.subject, names, seen, files, frame, notes, is_dicom)

    def refused(self) -> list[tuple[str, Outcome]]:
        """(path below INPUT, why) of every input that was not taken."""
        pairs = zip(self.sources, self.outcomes, strict=True)
        return [(source.name, o) for source, o in pairs if not o.taken]

    def reworded(self, words: Callable[[str], str]) -> "Prepared":
        """Return the same with other remedies and notes, for a command with other flags."""
        outcomes = []
        for one in self.outcomes:
            details = dict(one.details)
            if "remedy" in details:
                details["remedy"] = words(str(details["remedy"]))
            if "notes" in details:
                details["notes"] = [words(str(note)) for note in details["notes"]]
            outcomes.append(replace(one, details=details))
        return replace(self, outcomes=outcomes)

    def write_skipped(self, path: Path) -> None:
        summary.write_skipped(self.outcomes, path)

    def write_links(self, path: Path) -> None:
        """Which input each image is of; private."""
        tables.write_links(self.sources, self.outcomes, path)

    def reasons(self) -> list[tuple[str, int]]:
        """Why inputs were not taken, and how many: the most frequent reason first."""
        return [(reason, len(group)) for reason, group in summary.grouped(self.outcomes)]

    def exit_code(self) -> int:
        return summary.exit_code(self.outcomes)


def content(path: Path, member: str | None) -> bytes:
    """Return the bytes of a file, or of a member of an archive; see `Ready.files`."""
    return Source("", path, "dicom", member).data()


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
