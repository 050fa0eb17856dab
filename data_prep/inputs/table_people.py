"""Columns of a table that say more about a subject or its lesions: view, site, age, sex, boxes."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from data_prep.files import parse_json
from data_prep.frame.boxes import LesionBox
from data_prep.privacy.words import finding
from data_prep.read.dicom.terms import view_of_text

SEXES = {**dict.fromkeys(("m", "male", "man"), "M"), **dict.fromkeys(("f", "female", "woman"), "F")}
SITE = re.compile(r"[\w .+-]{1,40}")  # a name of a place or scanner, not a sentence
OLDEST = 120  # years


def people(value: Mapping[str, str], doubts: Counter[str]) -> dict[str, Any]:
    """site, age (years) and sex (M, F) of one row.

    Empty, "0" and "n/a" mean unknown for age and sex; so does an age that is no number or over
    OLDEST, and a site that reads like a sentence: registries have such columns, and no image is to
    be lost for them. What became unknown is counted in `doubts`.
    """
    return {
        "site": _site(value.get("site", ""), doubts),
        "age": _age(value.get("age", ""), doubts),
        "sex": SEXES.get(value.get("sex", "").lower()),
    }


def view_of(text: str, doubts: Counter[str]) -> str:
    """One of terms.VIEWS, "" where the row tells none."""
    view = view_of_text(text)
    if text and view is None:
        doubts["view is not understood"] += 1
    return view or ""


def _site(text: str, doubts: Counter[str]) -> str | None:
    if text and not SITE.fullmatch(text):
        doubts["site is longer than 40 letters or holds signs"] += 1
        return None
    return text or None


def _age(text: str, doubts: Counter[str]) -> float | None:
    if not text or text.lower() in ("n/a", "na", "nan", "unknown"):
        return None
    try:
        age = float(re.sub(r"[yY]$", "", text))
    except ValueError:
        doubts["age is not a number of years"] += 1
        return None
    return age if 0 < age <= OLDEST else None


def boxes_of(text: str, line: int, problems: list[str]) -> tuple[LesionBox, ...]:
    """The lesions of one row; those that are not boxes join `problems`.

    A label that is no known finding becomes "other": programs for drawing have free texts there.
    """
    if not text:
        return ()
    try:
        boxes = (LesionBox.of(values) for values in parse_json(text))
        return tuple(replace(box, label=finding(box.label)) for box in boxes)
    except (ValueError, TypeError):
        problems.append(f"line {line}: boxes are not a list like [[x, y, width, height], ...].")
        return ()
