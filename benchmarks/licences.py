"""Print the licences of what an installation brings, as Markdown: python benchmarks/licences.py

Run it where healthygan-monai is installed with all extras. What is not installed is said to be so.
"""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "healthygan-monai"


def needed(name: str, extras: tuple[str, ...] = ("",)) -> Iterator[Requirement]:
    """Yield what a distribution asks for on this machine, with these of its extras."""
    for text in distribution(name).requires or ():
        wanted = Requirement(text)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": e}) for e in extras):
            yield wanted


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Return name and licence of everything that requirements lead to."""
    found: dict[str, str] = {}
    while wanted:
        one = wanted.pop()
        name = canonicalize_name(one.name)
        if name in found:
            continue
        try:
            found[name] = licence(name)
        except PackageNotFoundError:
            found[name] = "not installed"
            continue
        wanted += needed(name, ("", *one.extras))
    return found


def licence(name: str) -> str:
    """Return the licence that the metadata state: expression, classifiers or text; else the first
    line of the licence file.
    """
    facts = metadata(name)
    if expression := facts.get("License-Expression"):
        return expression
    classified = [c for c in facts.get_all("Classifier") or [] if c.startswith("License ::")]
    names = [c.rpartition(" :: ")[2] for c in classified if c != "License :: OSI Approved"]
    stated = (facts.get("License") or "").strip().partition("\n")[0]
    if stated and stated != "UNKNOWN":
        names = names or [stated[:60]]
    return "; ".join(names) or _by_file(name)


def _by_file(name: str) -> str:
    for file in distribution(name).files or ():
        if file.stem.upper() in ("LICENSE", "LICENCE", "COPYING"):
            lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
            title = lines[0] if lines and not lines[0].startswith("Copyright") else "see there"
            return f"not in the metadata; LICENSE file: {title}"
    return "not stated"


def main() -> None:
    """Print one table of the core and one of each extra, without what the core has already."""
    core = closure(list(needed(PROJECT)))
    groups = {"core": core}
    for extra in metadata(PROJECT).get_all("Provides-Extra") or []:
        own = [r for r in needed(PROJECT, (extra,)) if "extra" in str(r.marker or "")]
        groups[extra] = {n: w for n, w in closure(own).items() if n not in core}
    print("| part | licence | packages |\n|---|---|---|")
    for part, packages in groups.items():
        by_licence: dict[str, list[str]] = {}
        for name, words in packages.items():
            by_licence.setdefault(re.sub(r"\s+", " ", words), []).append(name)
        for words, names in sorted(by_licence.items()):
            print(f"| {part} | {words} | {', '.join(sorted(names))} |")


if __name__ == "__main__":
    main()
