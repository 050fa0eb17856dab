"""Columns of a table that say more about a subject or its lesions: site, age, sex, boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from data_prep.boxes import LesionBox

SEXES = {
    **dict.fromkeys(("m", "male", "man"), "M"),
    **dict.fromkeys(("f", "female", "woman"), "F"),
}
SITE = re.compile(r"[\w .+-]{1,40}")  # a name of a place or scanner, not a sentence
OLDEST = 120  # years


def described(value: Mapping[str, str], line: int, problems: list[str]) -> dict[str, Any]:
    """site, age (years), sex (M, F) and boxes of one row; what cannot be meant joins `problems`.

    Empty, "0" and "n/a" mean unknown for age and sex; an age over OLDEST is unknown too, for
    registries have such ages.
    """
    return {
        "site": _site(value.get("site", ""), line, problems),
        "age": _age(value.get("age", ""), line, problems),
        "sex": SEXES.get(value.get("sex", "").lower()),
        "boxes": _boxes(value.get("boxes", ""), line, problems),
    }


def _site(text: str, line: int, problems: list[str]) -> str | None:
    if text and not SITE.fullmatch(text):
        problems.append(f"line {line}: site is longer than 40 letters or holds signs.")
    return text or None


def _age(text: str, line: int, problems: list[str]) -> float | None:
    if not text or text.lower() in ("n/a", "na", "nan", "unknown"):
        return None
    try:
        age = float(re.sub(r"[yY]$", "", text))
    except ValueError:
        problems.append(f"line {line}: age is not a number of years.")
        return None
    return age if 0 < age <= OLDEST else None


def _boxes(text: str, line: int, problems: list[str]) -> tuple[LesionBox, ...]:
    if not text:
        return ()
    try:
        return tuple(LesionBox.of(values) for values in json.loads(text))
    except (ValueError, TypeError):
        problems.append(f"line {line}: boxes are not a list like [[x, y, width, height], ...].")
        return ()
