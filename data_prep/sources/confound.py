"""What tells healthy from diseased without looking at the image: site, sex, age."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data_prep.datalist import SECTIONS, UNLABELLED
from data_prep.sources.card import Row

Table = dict[str, tuple[int, int]]  # value -> (healthy, diseased)


def table(pairs: Iterable[tuple[str, int]]) -> Table:
    """(value, label) -> counts, by value."""
    found: dict[str, list[int]] = {}
    for value, label in pairs:
        found.setdefault(value or "unknown", [0, 0])[label] += 1
    return {value: (h, d) for value, (h, d) in sorted(found.items())}


def auc_alone(counts: Mapping[str, tuple[int, int]]) -> float | None:
    """AUC of the value as the only score, each value scored by its share of diseased images.

    P(diseased > healthy) + half of the ties; at least 0.5 by construction; None if a class is
    empty.
    """
    healthy = sum(h for h, _ in counts.values())
    diseased = sum(d for _, d in counts.values())
    if not healthy or not diseased:
        return None
    won, below = 0.0, 0
    for h, d in sorted(counts.values(), key=lambda pair: pair[1] / max(1, sum(pair))):
        won += d * (below + h / 2)
        below += h
    return round(won / (healthy * diseased), 4)


def auc_of_numbers(pairs: Sequence[tuple[float, int]]) -> float | None:
    """AUC of a number as the score, whichever direction is better; None where a class is empty."""
    counts: dict[float, list[int]] = {}
    for value, label in pairs:
        counts.setdefault(value, [0, 0])[label] += 1
    healthy, diseased = (sum(c[k] for c in counts.values()) for k in (0, 1))
    if not healthy or not diseased:
        return None
    won, below = 0.0, 0
    for _, (h, d) in sorted(counts.items()):
        won += d * (below + h / 2)
        below += h
    share = won / (healthy * diseased)
    return round(max(share, 1 - share), 4)


def confounds(rows: Sequence[Row]) -> dict[str, Any]:
    """Per section: sites by class, each value's AUC; in training it tells mixed from healthy."""
    parts = {name: [row for row in rows if row.section == name] for name in SECTIONS}
    result: dict[str, Any] = {}
    sites = {
        name: table((row.site, row.label) for row in part if row.label is not None)
        for name, part in parts.items()
        if part
    }
    if any(row.site for row in rows):
        result["site_by_class"] = {
            name: {site: {"healthy": h, "diseased": d} for site, (h, d) in counts.items()}
            for name, counts in sites.items()
        }
    alone: dict[str, dict[str, float]] = {}
    for name in ("validation", "test", "training", "all"):
        values = _alone(_labelled(name, parts, rows))
        if values:
            alone[name] = values
    if alone:
        result["auc_alone"] = alone
    return result


def _labelled(
    name: str, parts: Mapping[str, Sequence[Row]], rows: Sequence[Row]
) -> list[tuple[Row, int]]:
    if name == "training":
        return [(row, int(s == UNLABELLED[0])) for s in UNLABELLED for row in parts[s]]
    some = rows if name == "all" else parts[name]
    return [(row, row.label) for row in some if row.label is not None]


def _alone(pairs: Sequence[tuple[Row, int]]) -> dict[str, float]:
    values: dict[str, float | None] = {}
    for key in ("site", "sex"):
        if len({getattr(row, key) for row, _ in pairs} - {""}) > 1:
            values[key] = auc_alone(table((getattr(row, key), label) for row, label in pairs))
    values["age"] = auc_of_numbers([(r.age, label) for r, label in pairs if r.age is not None])
    return {key: value for key, value in values.items() if value is not None}


def confound_text(facts: Mapping[str, Any]) -> str:
    """The table as it is printed, every time."""
    lines = []
    by_class = facts.get("site_by_class", {})
    if by_class:
        sites = sorted({site for counts in by_class.values() for site in counts})
        lines.append("images by site, healthy / diseased:")
        lines.append(f"  {'':<18}" + "".join(f"{site:>16}" for site in sites))
        for name, counts in by_class.items():
            cells = [counts.get(site, {"healthy": 0, "diseased": 0}) for site in sites]
            figures = "".join(f"{c['healthy']:>8,} /{c['diseased']:>6,}" for c in cells)
            lines.append(f"  {name:<18}{figures}")
    for name, values in facts.get("auc_alone", {}).items():
        what = "mixed from healthy training images" if name == "training" else f"classes, {name}"
        figures = ", ".join(f"{key} {value:.2f}" for key, value in values.items())
        lines.append(f"AUC without any image ({what}): {figures}")
    return "\n".join(lines)
