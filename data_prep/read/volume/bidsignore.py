"""Paths that the .bidsignore of a BIDS tree names (BIDS 1.9, "Validation"), as .gitignore does."""

import re
from collections.abc import Sequence

FILE_NAME = ".bidsignore"


def patterns(text: str) -> list[tuple[re.Pattern[str], bool]]:
    """(pattern of a path, whether it is ignored) of each line; gitignore(5), "Pattern format"."""
    found = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        ignored = not line.startswith("!")
        line = line.removeprefix("!").removeprefix("\\")
        bare = line.strip("/")
        start = "" if "/" in line.rstrip("/") else "(?:.*/)?"  # without a slash: in any folder
        end = "/.*" if line.endswith("/") else "(?:/.*)?"  # with one at the end: folders alone
        found.append((re.compile(f"{start}{_regular(bare)}{end}", re.DOTALL), ignored))
    return found


def ignores(found: Sequence[tuple[re.Pattern[str], bool]], path: str) -> bool:
    """Whether a path below the folder of the .bidsignore is ignored: the last match counts."""
    answers = [ignored for pattern, ignored in found if pattern.fullmatch(path)]
    return bool(answers) and answers[-1]


def _regular(glob: str) -> str:
    text, place = "", 0
    for part in re.finditer(r"\*\*/|/\*\*$|\*|\?|\[[!^]?\]?[^]/]*\]", glob):
        text += re.escape(glob[place : part.start()])
        place = part.end()
        known = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
        text += known.get(part[0]) or part[0].replace("[!", "[^", 1).replace("\\", r"\\")
    return text + re.escape(glob[place:])
