"""prep_report.html: what was prepared and what was not, on one self-contained page."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.brain import quality
from data_prep.datalist.items import Dataset, Item, content_hash
from data_prep.files import write_text
from data_prep.outcome import Outcome
from data_prep.output import mix, report_pictures, review
from data_prep.output.page import template
from data_prep.output.summary import NAMING, doubts, grouped
from data_prep.source import Source

PAGE = Path(__file__).parent / "report.html"
SHOWN = 30  # thumbnails of a section
UNUSUAL = 10
LISTED = 500  # skipped files by name; skipped.csv has all
# Counted by section: where these differ between healthy and mixed, a network can learn them.
BY_SECTION = (
    "manufacturer", "field_strength_t", "orientation", "view", "photometric", "modality", "sex",
    "voi", "bits", "format",
)  # fmt: skip
OVERALL = ("transfer_syntax", "laterality", "body_part", "burned_in")


def write_report(
    dataset: Dataset, sources: Sequence[Source], outcomes: Sequence[Outcome], path: Path
) -> Path:
    """Write the page in one step; the same data give the same bytes: no clock, path or history.

    It has no script and needs no network.
    """
    write_text(path, template(PAGE).render(_content(dataset, sources, outcomes)))
    return path


def _content(
    dataset: Dataset, sources: Sequence[Source], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    filled = {name: items for name, items in dataset.sections.items() if items}
    count = Counter(outcome.status for outcome in outcomes)
    everything = [item for items in filled.values() for item in items]
    missing = sorted((o for o in outcomes if not o.taken), key=lambda o: o.source)
    odd = report_pictures.unusual(dataset, everything, UNUSUAL)
    return {
        "name": dataset.name,
        "description": dataset.description,
        "modality": dataset.modality,
        "inputs": len(outcomes),
        "skipped_count": count["skipped"],
        "left_count": count["left"],
        "subjects": len({item.subject for item in everything}),
        "images": len(everything),
        "size": dataset.image_size,
        "bits": dataset.bit_depth,
        "sections": [_section(dataset, name, items) for name, items in filled.items()],
        "groups": [_group(reason, group) for reason, group in grouped(outcomes)],
        "missing": missing[:LISTED],
        "unlisted": max(0, len(missing) - LISTED),
        "doubts": doubts(outcomes),
        "set_aside": [_aside(s, o) for s, o in review.set_aside(sources, outcomes)],
        "mix": mix.shares(sources, outcomes),
        "mix_texts": mix.sentences(sources, outcomes),
        "histogram": report_pictures.histogram(dataset, filled),
        "facts": _facts(outcomes),
        "by_section": _by_section(dataset, outcomes, list(filled)),
        "filled": list(filled),
        "brain": quality.section(outcomes, dataset.root),
        "odd": _embedded(report_pictures.sheet(dataset, odd)) if odd else "",
        "odd_names": [item.image for item in odd],
        "naming": NAMING.get(str(dataset.generated_by.get("pseudonyms")), ""),
        "version": dataset.generated_by.get("version", ""),
        "content_hash": content_hash(dataset),
        "recipe": json.dumps(dataset.generated_by.get("recipe", {}), indent=1),
    }


def _aside(source: Source, outcome: Outcome) -> dict[str, Any]:
    """A film set aside, by what all may know of it; its digest is not written."""
    return {
        "source": outcome.source,
        "section": source.truth.section or "test",
        "view": outcome.details.get("view", mix.NOT_TOLD),
        "pictures": outcome.details[review.SET_ASIDE]["pictures"],
    }


def _section(dataset: Dataset, name: str, items: list[Item]) -> dict[str, Any]:
    shown = report_pictures.evenly(items, SHOWN)
    labels = Counter(item.label for item in items)
    return {
        "name": name,
        "images": len(items),
        "subjects": len({item.subject for item in items}),
        "healthy": labels[0] if labels[0] or labels[1] else "",
        "diseased": labels[1] if labels[0] or labels[1] else "",
        "masks": sum(item.mask is not None for item in items) or "",
        "shown": len(shown),
        "sheet": _embedded(report_pictures.sheet(dataset, shown)),
    }


def _group(reason: str, group: list[Outcome]) -> dict[str, Any]:
    remedies = sorted({o.details["remedy"] for o in group if o.details.get("remedy")})
    status = "left out" if group[0].status == "left" else "skipped"
    return {"reason": reason, "count": len(group), "remedy": " ".join(remedies), "status": status}


def _facts(outcomes: Sequence[Outcome]) -> list[tuple[str, list[tuple[str, int]]]]:
    """(fact, its values and how many inputs have them), the most frequent first."""
    used = [outcome for outcome in outcomes if outcome.taken]
    table = []
    for fact in OVERALL:
        values = Counter(str(o.details[fact]) for o in used if fact in o.details)
        if values:
            table.append((fact.replace("_", " "), _ranked(values)))
    return table


def _by_section(
    dataset: Dataset, outcomes: Sequence[Outcome], sections: Sequence[str]
) -> list[tuple[str, list[tuple[str, list[int]]]]]:
    """(fact, its values with the number of inputs in each section), the most frequent first."""
    home = {item.image: section for section, item in dataset.items()}
    table = []
    for fact in BY_SECTION:
        counts: Counter[tuple[str, str]] = Counter()
        for outcome in outcomes:
            if outcome.taken and outcome.images:
                value = str(outcome.details.get(fact, "not told"))
                counts[value, home[outcome.images[0].image]] += 1
        total: Counter[str] = Counter()
        for (value, _), number in counts.items():
            total[value] += number
        if set(total) - {"not told"}:
            rows = [(v, [counts[v, section] for section in sections]) for v, _ in _ranked(total)]
            table.append((fact.replace("_", " "), rows))
    return table


def _ranked(values: Counter[str]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))[:12]


def _embedded(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")
